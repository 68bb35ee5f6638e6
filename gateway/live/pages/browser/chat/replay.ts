import { readApi } from './call-api.ts'
import { Replay } from './chat-events.ts'
import { attachShown } from './shown-messages.ts'

/** Seconds before the picture of which messages are shown after a jump. */
const BEFORE_SEC = 120
/** Messages are read when fewer than these seconds of them are left. */
const AHEAD_SEC = 15
const PAGE = 200

type ReplayedMessage = Replay['messages'][number]

/** Attaches the chat of a recording: it follows the picture, also where that jumps. */
export function attachReplay(panel: HTMLElement, screen: HTMLElement): void {
  void openReplay(panel, screen)
}

async function openReplay(panel: HTMLElement, screen: HTMLElement): Promise<void> {
  const { replay: archiveId = '', replayOf: streamId = '' } = panel.dataset
  const path = `api/v1/archives/${archiveId}/messages`
  const { view, show } = await attachShown(panel, { streamId, isReplay: true })
  let queue: ReplayedMessage[] = []
  let cursor: string | null = null
  let isComplete = false
  let shownSec = 0
  let run = 0
  let isReading = false

  async function readMore(fromSec: number): Promise<void> {
    if (isReading || isComplete) return
    isReading = true
    const current = run
    const query = cursor === null ? `from=${fromSec.toFixed(3)}` : `from=0&cursor=${cursor}`
    const page = await readApi(`${path}?limit=${PAGE}&${query}`, Replay)
    isReading = false
    if (current !== run || page === null) return
    queue.push(...page.messages)
    cursor = page.next_cursor
    isComplete = cursor === null
  }

  function jumpTo(sec: number): void {
    run++
    queue = []
    cursor = null
    isComplete = false
    isReading = false
    view.clear()
    shownSec = sec
    void readMore(Math.max(0, sec - BEFORE_SEC)).then(() => showUpTo(sec))
  }

  function showUpTo(sec: number): void {
    const due = queue.findIndex(({ offset }) => offset > sec)
    show(queue.splice(0, due < 0 ? queue.length : due))
    shownSec = sec
    if ((queue.at(-1)?.offset ?? 0) < sec + AHEAD_SEC) void readMore(sec)
  }

  const follow = ({ target }: Event) => {
    if (!(target instanceof HTMLVideoElement)) return
    const sec = target.currentTime
    if (sec < shownSec || sec > shownSec + AHEAD_SEC) jumpTo(sec)
    else showUpTo(sec)
  }
  // Events of a video do not bubble.
  for (const name of ['timeupdate', 'seeking']) screen.addEventListener(name, follow, true)
  jumpTo(0)
}

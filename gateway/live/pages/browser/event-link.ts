/** What a page does with a stream of events. */
export type EventLinkListener = {
  /** Called with the data of events, by their names. */
  readonly events: ReadonlyMap<string, (data: unknown) => void>
  /** Called when the connection is lost for longer than a moment, and when it is back. */
  onConnection(isConnected: boolean): void
  /** Called at each loss, before it is tried again; `isSilent`: nothing comes, and the browser has not noticed. */
  onLoss(isSilent: boolean): void
  /** Returns whether a stream that was refused may come back. */
  mayReturn(): Promise<boolean>
}

/** The part of `EventSource` that is used. */
export type EventStream = Pick<EventSource, 'readyState' | 'close'> & {
  addEventListener(name: string, listener: (event: { readonly data?: unknown }) => void): void
}

/** A connection that fails and is back within this time is not shown, in ms. */
const GRACE_MS = 2000
/** Interval of attempts where the browser has given up, in ms. */
const RETRY_MS = 3000
/** A stream with pings that has been silent for this long is lost, in ms: two pings are missing. */
const SILENT_MS = 4200
/** Interval of looking for silence, in ms. */
const LOOK_MS = 500
/** `EventSource.OPEN` and `EventSource.CLOSED`. */
const [OPEN, CLOSED] = [1, 2]

/**
 * Reads a stream of events over lost connections: those that the browser notices, and those on which nothing comes any more,
 * not even the event `ping`. Returns the function that ends it.
 */
export function linkEvents(listener: EventLinkListener, open: () => EventStream): () => void {
  const link = new EventLink(listener, open)
  link.connect()
  return () => link.end()
}

class EventLink {
  readonly #listener: EventLinkListener
  readonly #open: () => EventStream
  readonly #note: LossNote
  readonly #look = setInterval(() => this.#lookForSilence(), LOOK_MS)
  #source: EventStream | null = null
  #heardMs = 0
  #hasPings = false
  #isEnded = false
  #retryTimer: ReturnType<typeof setTimeout> | undefined

  constructor(listener: EventLinkListener, open: () => EventStream) {
    this.#listener = listener
    this.#open = open
    this.#note = createLossNote(listener)
  }

  connect(): void {
    this.#heardMs = performance.now()
    this.#hasPings = false
    const source = this.#open()
    this.#source = source
    source.addEventListener('open', () => this.#hear())
    source.addEventListener('error', () => this.#source === source && this.#handleError(source))
    source.addEventListener('ping', () => {
      this.#hasPings = true
      this.#hear()
    })
    for (const [name, onData] of this.#listener.events) {
      source.addEventListener(name, ({ data }) => {
        this.#hear()
        onData(data)
      })
    }
  }

  end(): void {
    this.#isEnded = true
    this.#source?.close()
    this.#source = null
    clearInterval(this.#look)
    clearTimeout(this.#retryTimer)
    this.#note.clear()
  }

  #hear(): void {
    this.#heardMs = performance.now()
    this.#note.clear()
  }

  #handleError({ readyState }: EventStream): void {
    this.#note.expect()
    this.#listener.onLoss(false)
    // The browser tries again by itself, except after an answer that is no stream of events.
    if (readyState !== CLOSED) return
    this.#source = null
    void this.#retry()
  }

  async #retry(): Promise<void> {
    if (!(await this.#listener.mayReturn())) return this.end()
    if (!this.#isEnded) this.#retryTimer = setTimeout(() => this.connect(), RETRY_MS)
  }

  #lookForSilence(): void {
    const source = this.#source
    const isSilent = performance.now() - this.#heardMs > SILENT_MS
    if (source === null || !isSilent || (source.readyState === OPEN && !this.#hasPings)) return
    source.close()
    this.#note.show()
    this.#listener.onLoss(true)
    this.connect()
  }
}

/** What shows whether a connection is lost. */
type LossNote = {
  show(): void
  /** Shows a loss that does not heal within a moment. */
  expect(): void
  clear(): void
}

/** Creates what shows whether a connection is lost. */
function createLossNote({ onConnection }: Pick<EventLinkListener, 'onConnection'>): LossNote {
  let isShown = false
  let timer: ReturnType<typeof setTimeout> | undefined
  function show(): void {
    if (isShown) return
    isShown = true
    onConnection(false)
  }
  return {
    show,
    expect(): void {
      timer ??= setTimeout(show, GRACE_MS)
    },
    clear(): void {
      clearTimeout(timer)
      timer = undefined
      if (isShown) onConnection(true)
      isShown = false
    },
  }
}

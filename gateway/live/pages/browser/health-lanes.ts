import { STUDIO_MESSAGES } from '../messages/studio.ts'
import type { HealthEvent } from '../studio-events.ts'
import { find, setText, textsOf } from './elements.ts'

const text = textsOf(STUDIO_MESSAGES)
const { lang } = document.documentElement

/** A lane of the health of a broadcast: its newest value, how it is written, and whether it is good. */
type Lane = {
  readonly name: string
  valueOf(health: HealthEvent): number | null
  format(value: number): string
  isGood(value: number): boolean
  /** The value at the top of the chart, at least. */
  readonly scale: number
}

/** Thresholds of the advice, as in the API's. */
const GOOD_KEYFRAMES_SEC = 2.1
const GOOD_JITTER_MS = 500
const GOOD_LAG_SEC = 4

const number = (digits: number) => new Intl.NumberFormat(lang, { maximumFractionDigits: digits })
const format = (digits: number, unit: string) => (value: number) => `${number(digits).format(value)} ${unit}`

const LANES: readonly Lane[] = [
  {
    name: 'bitrate',
    valueOf: ({ publisher }) => publisher?.bit_rate_kbps ?? null,
    format: format(0, 'kbit/s'),
    isGood: (value) => value > 0,
    scale: 1000,
  },
  {
    name: 'fps',
    valueOf: ({ publisher }) => publisher?.video?.fps ?? null,
    format: format(1, 'fps'),
    isGood: (value) => value > 0,
    scale: 30,
  },
  {
    name: 'keyframes',
    valueOf: ({ publisher }) => publisher?.video?.keyframe_interval_sec ?? null,
    format: format(2, 's'),
    isGood: (value) => value <= GOOD_KEYFRAMES_SEC,
    scale: 4,
  },
  {
    name: 'lag',
    valueOf: ({ encoding }) => encoding?.lag_sec ?? null,
    format: format(1, 's'),
    isGood: (value) => value <= GOOD_LAG_SEC,
    scale: 4,
  },
  {
    name: 'jitter',
    valueOf: ({ publisher }) => publisher?.jitter_ms ?? null,
    format: format(0, 'ms'),
    isGood: (value) => value <= GOOD_JITTER_MS,
    scale: 500,
  },
]

/** Values of a chart: three minutes. */
const KEPT = 90
const [WIDTH, HEIGHT] = [300, 40]

/** Attaches the panel of a broadcast's health; returns the function that shows new values. */
export function attachHealth(panel: HTMLElement): (health: HealthEvent) => void {
  const history = new Map<string, number[]>()
  return (health) => {
    for (const lane of LANES) showLane(panel, lane, lane.valueOf(health), history)
    showFacts(panel, health)
    showAdvice(panel, adviceFor(health))
  }
}

function showLane(panel: HTMLElement, lane: Lane, value: number | null, history: Map<string, number[]>): void {
  const row = find(panel, `[data-lane="${lane.name}"]`)
  setText(row, '.lane-value', value === null ? '–' : lane.format(value))
  row.dataset['judgement'] = value === null ? 'none' : judge(lane, value)
  if (value === null) return
  const values = [...(history.get(lane.name) ?? []), value].slice(-KEPT)
  history.set(lane.name, values)
  row.querySelector('polyline')?.setAttribute('points', toPoints(values, lane.scale))
}

function judge(lane: Lane, value: number): 'good' | 'bad' {
  return lane.isGood(value) ? 'good' : 'bad'
}

/** Returns the points of a chart, the newest value at its right edge. */
function toPoints(values: readonly number[], scale: number): string {
  const top = Math.max(scale, ...values) * 1.1
  const step = WIDTH / (KEPT - 1)
  return values
    .map((value, at) => {
      const x = WIDTH - (values.length - 1 - at) * step
      return `${x.toFixed(1)},${(HEIGHT - 1 - (value / top) * (HEIGHT - 2)).toFixed(1)}`
    })
    .join(' ')
}

function showFacts(panel: HTMLElement, { publisher }: HealthEvent): void {
  const facts = publisher === null ? NO_FACTS : factsOf(publisher)
  for (const [name, value] of Object.entries(facts)) setText(panel, `[data-fact="${name}"]`, value)
}

const NO_FACTS = { video: '–', audio: '–', encoder: '–', dropped: '–' }

function factsOf({ video, audio, encoder, dropped_frames: dropped }: Publisher): typeof NO_FACTS {
  return {
    video: video === null ? text.none : `${video.width}×${video.height} ${video.codec}`,
    audio: audio === null ? text.none : `${audio.codec} ${number(1).format(audio.sample_rate / 1000)} kHz`,
    encoder: encoder ?? '–',
    dropped: number(0).format(dropped),
  }
}

/** Returns what the owner can do better. */
function adviceFor({ publisher, encoding, alerts }: HealthEvent): readonly string[] {
  if (publisher === null) return [text.advice.noEncoder]
  const problem = encoding?.problem ?? null
  return [
    ...alerts.map(describeAlert),
    ...adviceForPublisher(publisher),
    ...(encoding?.is_top_rung_dropped === true ? [text.advice.topDropped] : []),
    ...(problem === null ? [] : [text.advice.problem(problem)]),
  ]
}

/** A time of day with the name of its zone. */
const clock = new Intl.DateTimeFormat(lang, { timeStyle: 'long' })

/** Describes what viewers see or hear that is wrong, with the time in the zone of the broadcaster. */
function describeAlert({ kind, since }: HealthEvent['alerts'][number]): string {
  return text.advice[kind](clock.format(new Date(since)))
}

type Publisher = NonNullable<HealthEvent['publisher']>

function adviceForPublisher({ video, audio, jitter_ms: jitter }: Publisher): readonly string[] {
  return [
    ...(video === null ? [text.advice.noPicture] : []),
    ...(audio === null ? [text.advice.noSound] : []),
    ...((video?.keyframe_interval_sec ?? 0) > GOOD_KEYFRAMES_SEC ? [text.advice.keyframes] : []),
    ...(jitter > GOOD_JITTER_MS ? [text.advice.jitter] : []),
  ]
}

/** Shows advice, and only where it has changed: readers hear each change. */
function showAdvice(panel: HTMLElement, advice: readonly string[]): void {
  const list = find(panel, '[data-advice]')
  const lines = advice.length === 0 ? [text.allFine] : advice
  if (list.dataset['shown'] === lines.join('\n')) return
  list.dataset['shown'] = lines.join('\n')
  list.replaceChildren(
    ...lines.map((line) => {
      const item = document.createElement('li')
      item.className = advice.length === 0 ? 'advice-fine' : 'advice-warning'
      item.textContent = line
      return item
    }),
  )
}

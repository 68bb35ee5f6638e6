/**
 * Runs in a watch page before its own scripts: notes each picture that its video shows, with the frame number in it.
 * `frameSquares` is set before: where the number's bits are, as shares of the picture's size.
 */

declare const frameSquares: { readonly y: number; readonly x: readonly number[] }

/** A picture: its frame number, when it was shown in ms of the unix time, and its time in the media in seconds. */
type Picture = readonly [number: number, atMs: number, mediaSec: number]
type VideoEvent = { readonly type: string; readonly atMs: number }
type Sightings = { readonly pictures: readonly Picture[]; readonly events: readonly VideoEvent[] }

const LINE_PIXELS = 640
const FIND_MS = 50
const WATCHED_EVENTS = ['waiting', 'seeking', 'error', 'pause', 'ended']

let pictures: Picture[] = []
let events: VideoEvent[] = []
let observed: HTMLVideoElement | null = null
const canvas = new OffscreenCanvas(LINE_PIXELS, 1)
const context = canvas.getContext('2d', { willReadFrequently: true })

/** Returns what was seen since the last call. */
function takeSightings(): Sightings {
  const taken = { pictures, events }
  pictures = []
  events = []
  return taken
}
Object.assign(window, { takeSightings })

// The page makes a video when it begins to play, and another one where it begins again.
setInterval(() => {
  const video = document.querySelector('video')
  if (video === null || video === observed) return
  observed = video
  for (const type of WATCHED_EVENTS) video.addEventListener(type, () => events.push({ type, atMs: nowMs() }))
  observe(video)
}, FIND_MS)

function observe(video: HTMLVideoElement): void {
  video.requestVideoFrameCallback((_now, { mediaTime, expectedDisplayTime }) => {
    pictures.push([readNumber(video), performance.timeOrigin + expectedDisplayTime, mediaTime])
    if (video === observed) observe(video)
  })
}

function nowMs(): number {
  return performance.timeOrigin + performance.now()
}

/** Reads the frame number in one line of pixels through the middle of its squares. */
function readNumber(video: HTMLVideoElement): number {
  if (context === null) return -1
  const { y, x } = frameSquares
  context.drawImage(video, 0, Math.floor(y * video.videoHeight), video.videoWidth, 1, 0, 0, LINE_PIXELS, 1)
  const { data } = context.getImageData(0, 0, LINE_PIXELS, 1)
  const isWhite = (share: number) => (data[Math.floor(share * LINE_PIXELS) * 4] ?? 0) > 128
  return x.reduce((number, share, bit) => number + (isWhite(share) ? 2 ** bit : 0), 0)
}

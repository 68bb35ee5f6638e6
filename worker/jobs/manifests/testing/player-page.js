/* Runs in a browser, alone or with hls.js or dash.js: plays a set to its end and returns a `Playback`. */

/** Playback rate, which shortens the test. */
const RATE = 2

const STARTERS = { 'hls.js': startHls, 'dash.js': startDash, browser: (video, { url }) => (video.src = url) }

/**
 * Plays a set. `heights` are the requested heights of the video segments, in order; the last applies to all later ones.
 */
// oxlint-disable-next-line no-unused-vars -- called by player.ts
async function play({ engine, url, heights, timeoutMs }) {
  const video = document.querySelector('video')
  const seen = { errors: [], stalls: 0, jumps: 0, heights: [] }
  let isPlaying = false
  video.addEventListener('playing', () => (isPlaying = true))
  const onStall = () => (seen.stalls += isPlaying && !hasData(video) ? 1 : 0)
  video.addEventListener('waiting', onStall)
  video.addEventListener('seeking', () => (seen.jumps += isPlaying ? 1 : 0))
  video.addEventListener('resize', () => seen.heights.push(video.videoHeight))
  video.addEventListener('error', () => seen.errors.push(`video: ${video.error.message}`))
  const ended = new Promise((done) => {
    video.addEventListener('ended', done)
    // dash.js pauses the video where it notices the end before the browser does: no `ended` event follows.
    video.addEventListener('pause', () => video.currentTime >= video.duration - 0.05 && done())
  })
  const ready = new Promise((done) => video.addEventListener('canplay', done))
  const late = new Promise((done) => setTimeout(done, timeoutMs, 'late'))
  video.defaultPlaybackRate = RATE
  video.preload = 'auto'
  STARTERS[engine](video, { url, heights, onStall, onError: (error) => seen.errors.push(error) })
  // Where play() precedes `canplay`, hls.js skips the first two frames of a transport stream, which starts late by them.
  await Promise.race([ready, late])
  // Once everything is buffered, only the set itself can stall its playback: no machine is too slow to load it in time.
  await Promise.race([bufferEnd(video), late])
  await video.play().catch((error) => seen.errors.push(`play: ${error.message}`))
  const hasEnded = (await Promise.race([ended, late])) !== 'late'
  return {
    ...seen,
    hasEnded,
    frames: video.getVideoPlaybackQuality().totalVideoFrames,
    soundBytes: video.webkitAudioDecodedByteCount,
    buffered: Array.from({ length: video.buffered.length }, (_, n) => [video.buffered.start(n), video.buffered.end(n)]),
    endedAtSec: video.currentTime,
    durationSec: video.duration,
  }
}

/** Resolves once the end is buffered. */
async function bufferEnd(video) {
  while (!hasEndBuffered(video)) await new Promise((done) => setTimeout(done, 20))
}

function hasEndBuffered({ buffered, duration }) {
  return buffered.length > 0 && buffered.end(buffered.length - 1) >= duration - 0.2
}

/** Returns whether data is buffered: the player then waits for the decoder of a busy machine, and does not stall. */
function hasData({ buffered, currentTime, duration }) {
  const soon = Math.min(currentTime + 0.2, duration - 0.05)
  return Array.from({ length: buffered.length }, (_, n) => n).some(
    (n) => buffered.start(n) <= currentTime && soon <= buffered.end(n),
  )
}

function startHls(video, { url, heights, onError }) {
  // Its gap controller seeks where playback stands still, as on a busy machine. Without it, no playback ends that has a hole.
  const hls = new Hls({ startLevel: 0, gapController: undefined })
  hls.on(Hls.Events.ERROR, (_, { details, error }) => {
    // Around a requested switch, hls.js appends a segment that is already buffered.
    if (details === 'bufferAppendNoProgress') return
    onError(`${details}: ${error?.message}`)
  })
  hls.on(Hls.Events.FRAG_LOADED, (_, { frag }) => {
    const height = heights[frag.sn + 1]
    if (frag.type !== 'main' || height === undefined) return
    hls.loadLevel = hls.levels.findIndex((level) => level.height === height)
  })
  hls.loadSource(url)
  hls.attachMedia(video)
}

function startDash(video, { url, heights, onStall, onError }) {
  const player = dashjs.MediaPlayer().create()
  const abr = { autoSwitchBitrate: { video: false }, initialBitrate: { video: 1 } }
  player.updateSettings({ debug: { logLevel: 0 }, streaming: { abr } })
  player.on('playbackStalled', onStall)
  for (const name of ['error', 'playbackError']) {
    player.on(name, (event) => onError(`${name}: ${event.error?.message}`))
  }
  let loaded = 0
  player.on('fragmentLoadingCompleted', ({ request, error }) => {
    if (error) onError(`fragment: ${error.message}`)
    if (request.mediaType !== 'video' || request.type !== 'MediaSegment') return
    loaded += 1
    const size = player.getRepresentationsByType('video').find(({ height }) => height === heights[loaded])
    if (size !== undefined) player.setRepresentationForTypeById('video', size.id)
  })
  player.initialize(video, url, false)
}

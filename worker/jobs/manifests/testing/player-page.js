/* Runs in a browser, alone or beside hls.js or dash.js: plays a set to its end and tells what was seen (`Playback`). */

/** So much faster than it is meant to be seen. */
const RATE = 2

const STARTERS = { 'hls.js': startHls, 'dash.js': startDash, browser: (video, { url }) => (video.src = url) }

/**
 * `heights` are the sizes wanted of the picture's segments, one after the other; the last counts for all that follow.
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
  const ended = new Promise((done) => video.addEventListener('ended', done))
  const ready = new Promise((done) => video.addEventListener('canplay', done))
  const late = new Promise((done) => setTimeout(done, timeoutMs, 'late'))
  video.defaultPlaybackRate = RATE
  STARTERS[engine](video, { url, heights, onStall, onError: (error) => seen.errors.push(error) })
  // hls.js steps over the two frames that a transport stream begins late by, if it is to play before it can.
  await Promise.race([ready, late])
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

/** With data at hand it waits for a decoder that a busy machine gives no time. */
function hasData({ buffered, currentTime, duration }) {
  const soon = Math.min(currentTime + 0.2, duration - 0.05)
  return Array.from({ length: buffered.length }, (_, n) => n).some(
    (n) => buffered.start(n) <= currentTime && soon <= buffered.end(n),
  )
}

function startHls(video, { url, heights, onStall, onError }) {
  const hls = new Hls({ startLevel: 0 })
  hls.on(Hls.Events.ERROR, (_, { details, error }) => {
    // A segment that it had already, appended once more around a switch that we asked for.
    if (details === 'bufferAppendNoProgress') return
    if (details === 'bufferStalledError') onStall()
    else onError(`${details}: ${error?.message}`)
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

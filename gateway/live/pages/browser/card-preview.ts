/** A preview ends by itself after this time, in ms: a forgotten pointer costs nothing. */
const LONGEST_MS = 30_000
/** Seconds that are loaded ahead. */
const AHEAD_SEC = 4

/** Plays the lowest rendition of a broadcast over its picture, without sound; returns the function that ends it. */
export function startPreview(picture: HTMLElement): () => void {
  const video = document.createElement('video')
  video.muted = true
  video.playsInline = true
  video.tabIndex = -1
  let end = () => video.remove()
  let hasEnded = false
  const stop = () => {
    hasEnded = true
    clearTimeout(timer)
    end()
  }
  const timer = setTimeout(stop, LONGEST_MS)
  video.addEventListener('playing', () => (video.dataset['moving'] = ''), { once: true })
  const open = async () => {
    const { default: Hls } = await import('hls.js/light')
    if (hasEnded || !Hls.isSupported()) return
    const hls = new Hls({ enableWorker: false, maxBufferLength: AHEAD_SEC, liveSyncDurationCount: 1 })
    end = () => {
      hls.destroy()
      video.remove()
    }
    hls.on(Hls.Events.ERROR, (_event, { fatal }) => fatal && stop())
    hls.loadSource(new URL(picture.dataset['preview'] ?? '', document.baseURI).href)
    hls.attachMedia(video)
    picture.append(video)
    await video.play().catch(stop)
  }
  void open().catch(stop)
  return stop
}

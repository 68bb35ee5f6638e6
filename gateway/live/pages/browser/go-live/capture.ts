/** What is captured: the picture's source, and the devices. An empty id is any device; `null`: no sound. */
export type CaptureChoice = {
  readonly source: 'camera' | 'screen'
  readonly cameraId: string
  readonly microphoneId: string | null
}

/** Why nothing can be captured. */
export type CaptureProblem = 'denied' | 'no_device' | 'in_use' | 'unsupported'

/** The size and rate that cameras are set to, where they can. */
const PICTURE = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } }
const PROBLEMS: Readonly<Record<string, CaptureProblem>> = {
  NotAllowedError: 'denied',
  SecurityError: 'denied',
  NotFoundError: 'no_device',
  OverconstrainedError: 'no_device',
  NotReadableError: 'in_use',
  AbortError: 'in_use',
}

/** Opens the camera or the screen, and the microphone. @throws DOMException as `toCaptureProblem` takes it */
export async function openCapture({ source, cameraId, microphoneId }: CaptureChoice): Promise<MediaStream> {
  const { mediaDevices } = navigator
  const audio = microphoneId === null ? false : choose(microphoneId)
  if (source === 'camera') return mediaDevices.getUserMedia({ video: { ...PICTURE, ...choose(cameraId) }, audio })
  const screen = await mediaDevices.getDisplayMedia({ video: { frameRate: 30 } })
  if (audio === false) return screen
  try {
    const sound = await mediaDevices.getUserMedia({ audio })
    return new MediaStream([...screen.getVideoTracks(), ...sound.getAudioTracks()])
  } catch (error) {
    closeCapture(screen)
    throw error
  }
}

function choose(deviceId: string): MediaTrackConstraints {
  return deviceId === '' ? {} : { deviceId: { exact: deviceId } }
}

/** Returns why a capture failed. */
export function toCaptureProblem(error: unknown): CaptureProblem {
  return (error instanceof DOMException ? PROBLEMS[error.name] : undefined) ?? 'unsupported'
}

/** Switches off the devices of a capture. */
export function closeCapture(capture: MediaStream): void {
  for (const track of capture.getTracks()) track.stop()
}

/** Returns whether this browser can capture and publish: an insecure page has no devices. */
export function canCapture(): boolean {
  return 'RTCPeerConnection' in globalThis && 'mediaDevices' in navigator
}

/** Returns whether this browser can capture a screen or a window. */
export function canCaptureScreen(): boolean {
  return 'mediaDevices' in navigator && 'getDisplayMedia' in navigator.mediaDevices
}

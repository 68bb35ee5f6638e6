/** The button that turns the sound on, as far as it is used. */
export type SoundButton = Pick<HTMLElement, 'hidden' | 'addEventListener' | 'removeEventListener'>

/** A player whose sound can be turned on. */
export type MutedPlayer = Pick<HTMLVideoElement, 'muted' | 'addEventListener' | 'removeEventListener'>

/** Offers a button that turns the sound of a player on, until that is on by any means. */
export function offerSound(button: SoundButton, video: MutedPlayer): void {
  const turnOn = () => {
    video.muted = false
  }
  const onVolume = () => {
    if (video.muted) return
    button.hidden = true
    button.removeEventListener('click', turnOn)
    video.removeEventListener('volumechange', onVolume)
  }
  button.hidden = false
  button.addEventListener('click', turnOn)
  video.addEventListener('volumechange', onVolume)
}

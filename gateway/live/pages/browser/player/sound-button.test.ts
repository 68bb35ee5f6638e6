import { expect, test } from 'vitest'

import { offerSound } from './sound-button.ts'

/** A button and a player that begins without sound. */
function createPlayer() {
  const button = Object.assign(new EventTarget(), { hidden: true })
  let isMuted = true
  const video = new (class extends EventTarget {
    get muted() {
      return isMuted
    }
    set muted(value: boolean) {
      isMuted = value
      this.dispatchEvent(new Event('volumechange'))
    }
  })()
  offerSound(button, video)
  return { button, video, click: () => button.dispatchEvent(new Event('click')) }
}

test('the button that turns the sound on is there until the sound is on, and does not come back', () => {
  const { button, video, click } = createPlayer()
  expect(button.hidden).toBe(false)
  video.muted = true
  expect(button.hidden).toBe(false)
  click()
  expect([video.muted, button.hidden]).toEqual([false, true])
  video.muted = true
  expect(button.hidden).toBe(true)
})

test('the button goes where the sound is turned on by the controls, and does nothing afterwards', () => {
  const { button, video, click } = createPlayer()
  video.muted = false
  expect(button.hidden).toBe(true)
  video.muted = true
  click()
  expect(video.muted).toBe(true)
})

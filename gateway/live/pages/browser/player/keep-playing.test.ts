import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { keepPlaying } from './keep-playing.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const LIBRARY = {
  Events: { FRAG_BUFFERED: 'hlsFragBuffered', ERROR: 'hlsError', DESTROYING: 'hlsDestroying' },
  ErrorTypes: { MEDIA_ERROR: 'mediaError', NETWORK_ERROR: 'networkError' },
}
const NETWORK = { fatal: true, type: 'networkError' }
const MEDIA = { fatal: true, type: 'mediaError' }

/** A player, the reader of its playlist, and what has been done with both. */
function createPlayer() {
  const done: string[] = []
  const listeners = new Map<string, (name: string, data: unknown) => void>()
  const video = {
    paused: false,
    readyState: 4,
    play: () => {
      done.push('play')
      return Promise.resolve()
    },
    addEventListener: (name: string, listener: () => void) => void listeners.set(name, listener),
  }
  const hls = {
    levels: [{}],
    on: (name: string, listener: (name: string, data: unknown) => void) => void listeners.set(name, listener),
    loadSource: () => void done.push('load the playlist'),
    startLoad: () => void done.push('load'),
    recoverMediaError() {
      done.push('renew')
      video.paused = true
    },
  }
  const shown = { onProblem: () => void done.push('problem'), onHealed: () => void done.push('healed') }
  // oxlint-disable-next-line typescript/no-explicit-any -- the parts of hls.js that it uses
  keepPlaying(hls as any, LIBRARY as any, { url: 'x', video: video as any, ...shown })
  const emit = (name: string, data?: unknown) => listeners.get(name)?.(name, data)
  return { video, done, emit }
}

test('a film plays on over a lost connection while it has more, and what is said once it stands still goes when it heals', () => {
  const { done, emit } = createPlayer()
  emit('hlsError', NETWORK)
  vi.advanceTimersByTime(2000)
  expect(done).toEqual(['load'])
  emit('waiting')
  expect(done).toEqual(['load', 'problem'])
  emit('hlsFragBuffered')
  emit('hlsFragBuffered')
  emit('waiting')
  expect(done).toEqual(['load', 'problem', 'healed'])
})

test('a player that is gone tries nothing', () => {
  const { done, emit } = createPlayer()
  emit('hlsError', NETWORK)
  emit('hlsDestroying')
  emit('waiting')
  vi.advanceTimersByTime(60_000)
  expect(done).toEqual([])
})

test('what has no picture yet says at once that it cannot be played', () => {
  const { video, done, emit } = createPlayer()
  video.readyState = 0
  emit('hlsError', { fatal: false, type: 'networkError' })
  expect(done).toEqual([])
  emit('hlsError', NETWORK)
  expect(done).toEqual(['problem'])
})

test('a player plays on after its decoder was renewed, and one that was paused stays so', () => {
  const { video, done, emit } = createPlayer()
  emit('hlsError', MEDIA)
  expect(done).toEqual(['renew', 'play'])
  emit('hlsError', MEDIA)
  expect(video.paused).toBe(true)
  expect(done).toEqual(['renew', 'play', 'renew'])
})

import { startEncoder, type TestEncoder } from '../testing/encoder.ts'
import { createBroadcast, startProduct, type CheckedBroadcast } from './product.ts'
import { HEIGHT, publishEndlessly, SHORT_LADDER, waitForSegments } from './publishing.ts'
import { countRecorded, readRecordedFrames } from './recording.ts'
import { atMost, isSo, type CheckedFigure } from '../../testing/checked-figure.ts'
import { pause, waitUntil } from './wait-until.ts'

/** Numbers of the second encoder's frames begin here: no frame of the first one has them. */
const SECOND_NUMBER = 8000
const SECOND_SEC = 8

/** Publishes a broadcast twice; the second encoder takes over once the first is frozen. */
export async function checkSecondEncoder(signal: AbortSignal): Promise<readonly CheckedFigure[]> {
  await using product = await startProduct(signal, SHORT_LADDER)
  const broadcast = await createBroadcast(product)
  await using first = publishEndlessly(broadcast)
  await waitForSegments(broadcast, 2, signal)
  await using refused = startSecond(broadcast)
  const { output } = await refused.ended
  await pause(4, signal)
  const sent = first.sentFrames()
  // Its muxer, which waits for the sound, has written these frames then.
  await waitUntil(() => first.sentFrames() > sent + 5, { what: 'the first encoder sends on', sec: 30, signal })
  first.kill('SIGSTOP')
  const frozenMs = Date.now()
  await using second = await publishUntilAccepted(broadcast, signal)
  const tookOverMs = second.sentAtMs(SECOND_NUMBER) ?? Number.NaN
  await second.ended
  await broadcast.end()
  const frames = await readRecordedFrames(broadcast, signal)
  const ofFirst = frames.filter((number) => number < SECOND_NUMBER)
  return [
    isSo(
      `second encoder: ${output.includes('BadName') || output.includes('Server error') ? 'refused' : output}`,
      'refused',
      output !== '',
    ),
    countRecorded('first encoder:', ofFirst, 0, sent),
    atMost('taken over after', (tookOverMs - frozenMs) / 1000, 10),
    countRecorded('second encoder:', frames, SECOND_NUMBER, SECOND_NUMBER + SECOND_SEC * 30),
  ]
}

function startSecond({ url }: CheckedBroadcast): TestEncoder {
  return startEncoder({ url, sec: SECOND_SEC, height: HEIGHT, firstNumber: SECOND_NUMBER })
}

/** Starts the second encoder again until it is accepted, as encoders do. */
async function publishUntilAccepted(broadcast: CheckedBroadcast, signal: AbortSignal): Promise<TestEncoder> {
  for (;;) {
    const encoder = startSecond(broadcast)
    const isOver = encoder.ended.then(() => true)
    const isSending = waitUntil(() => encoder.sentFrames() > 15, { what: 'it sends', sec: 30, signal }).then(
      () => false,
    )
    if (!(await Promise.race([isOver, isSending]))) return encoder
    isSending.catch(() => undefined)
    await pause(0.5, signal)
  }
}

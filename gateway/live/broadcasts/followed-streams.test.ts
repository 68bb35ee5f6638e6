import { expect, onTestFinished, test, vi } from 'vitest'

import { createLog } from '../../../shared/log.ts'
import { WAIT } from '../../../shared/testing/until.ts'
import { createTopicNotifier } from '../../adapters/in-process/topic-notifier.ts'
import type { OwnedStream } from '../store/streams.ts'
import { topicOf } from '../topic.ts'
import { createFollowedStreams, type StreamFollower, type StreamReader } from './followed-streams.ts'

const rowOf = (title: string) => ({ stream: { title }, username: 'owner' }) as OwnedStream

/** Creates followers of one broadcast, each of which records its calls. */
function createFollowers(readStream: StreamReader['readStream']) {
  const { notify, subscribe } = createTopicNotifier()
  const open = new Set<() => void>()
  const lines: string[] = []
  const followed = createFollowedStreams({
    readStream,
    log: createLog('gateway', 'info', (line) => lines.push(line)),
    notifier: {
      notify,
      subscribe(topic, onNotify) {
        const unsubscribe = subscribe(topic, onNotify)
        open.add(unsubscribe)
        return () => {
          open.delete(unsubscribe)
          unsubscribe()
        }
      },
    },
  })
  return {
    lines,
    open,
    change: () => notify(topicOf('one')),
    follow() {
      const onRead = vi.fn<StreamFollower>()
      const end = followed.follow('one', onRead)
      onTestFinished(end)
      return { onRead, end }
    },
  }
}

const untilCalled = ({ onRead }: { readonly onRead: StreamFollower }, found: OwnedStream | null) =>
  vi.waitFor(() => expect(onRead).toHaveBeenLastCalledWith(found), WAIT)

test('a broadcast is read once for all its followers, and an unchanged one is the same object', async () => {
  const readStream = vi.fn<StreamReader['readStream']>(async () => rowOf('first'))
  const { follow, change } = createFollowers(readStream)
  const [first, last] = [follow(), follow()]
  change()
  await vi.waitFor(() => expect(last.onRead.mock.calls.length).toBeGreaterThan(1), WAIT)
  const [one, two] = last.onRead.mock.calls.map(([found]) => found)
  expect(one).toEqual(rowOf('first'))
  expect(two).toBe(one)
  readStream.mockImplementation(async () => rowOf('second'))
  change()
  await untilCalled(last, rowOf('second'))
  expect(first.onRead.mock.calls).toEqual(last.onRead.mock.calls)
  // Another read may be under way.
  expect(readStream.mock.calls.length - last.onRead.mock.calls.length).toBeLessThanOrEqual(1)
})

test('a broadcast without followers is not read, and one that is followed again is', async () => {
  const readStream = vi.fn<StreamReader['readStream']>(async () => rowOf('first'))
  const { follow, open } = createFollowers(readStream)
  const [left, stayed] = [follow(), follow()]
  left.end()
  await untilCalled(stayed, rowOf('first'))
  expect(left.onRead).not.toHaveBeenCalled()
  stayed.end()
  await vi.waitFor(() => expect(open.size).toBe(0), WAIT)
  await untilCalled(follow(), rowOf('first'))
  expect(open.size).toBe(1)
})

test('a broadcast that is gone or cannot be read ends for all its followers, and a failure is logged once', async () => {
  const gone = createFollowers(async () => null)
  const failing = createFollowers(() => Promise.reject(new Error('the database is away')))
  for (const { follow, open } of [gone, failing]) {
    const both = [follow(), follow()]
    for (const follower of both) await untilCalled(follower, null)
    for (const { onRead } of both) expect(onRead).toHaveBeenCalledOnce()
    expect(open.size).toBe(0)
  }
  expect(gone.lines).toEqual([])
  expect(failing.lines).toEqual([expect.stringContaining('the database is away')])
})

import { mkdtemp, readdir, rm, truncate, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { createLog } from '../../../../shared/log.ts'
import { newUuid } from '../../../../shared/ids.ts'
import { until } from '../../../../shared/testing/until.ts'
import { encodeFlvTag, TAG_TYPE } from '../../flv/flv-tag.ts'
import { countJournalBytes } from '../../testing/journal-files.ts'
import type { ReplayTag, StartTags } from './replay-buffer.ts'
import { restoreSessions, type SavedSession } from './restore-sessions.ts'
import { openSessionJournal, type SessionJournal } from './session-journal.ts'

const START: StartTags = { metadata: null, video: encode(0, Buffer.from([0x17, 0, 0, 0, 0, 1])), audio: null }
const FRAME_BYTES = 200
const log = createLog('worker', 'error', () => undefined)

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tallylight-journal-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

function encode(timestampMs: number, body: Buffer): Buffer {
  return encodeFlvTag({ type: TAG_TYPE.video, timestampMs, body })
}

function frame(timestampMs: number, kind: 'key_frame' | 'frame'): ReplayTag {
  const body = Buffer.alloc(FRAME_BYTES, 7)
  body[0] = kind === 'key_frame' ? 0x17 : 0x27
  body[1] = 1
  return { track: 'video', kind, timestampMs, bytes: encode(timestampMs, body) }
}

function open(session = newUuid(), capacityBytes = 1 << 20): SessionJournal {
  return openSessionJournal({
    dir,
    owner: { session, streamId: newUuid(), token: 'a token' },
    capacityBytes: () => capacityBytes,
    log,
  })
}

/** Appends frames of a second each, with a key frame every two seconds. */
function append(journal: SessionJournal, count: number): void {
  for (let i = 0; i < count; i++) journal.append(frame(i * 1000, i % 2 === 0 ? 'key_frame' : 'frame'), START, 1_000_000)
}

const restore = (maxAgeMs = 60_000) => restoreSessions({ dir, capacityBytes: 1 << 20, maxAgeMs, log })
const timesOf = (saved: SavedSession | undefined) =>
  saved?.tags.filter(({ body }) => body.length === FRAME_BYTES).map(({ timestampMs }) => timestampMs) ?? []

/** Resolves once a session has files with this many frames. */
async function untilWritten(session: string, frames: number): Promise<void> {
  await until(
    async () => (await countJournalBytes(dir, session)) >= frames * FRAME_BYTES,
    `${frames} frames are written`,
  )
}

describe('the journal of a session', () => {
  test('holds its frames, its owner and its base', async () => {
    const session = newUuid()
    append(open(session), 6)
    await untilWritten(session, 6)
    const [saved] = await restore()
    expect(saved).toMatchObject({ owner: { session, token: 'a token' }, baseMs: 1_000_000 })
    expect(timesOf(saved)).toEqual([0, 1000, 2000, 3000, 4000, 5000])
    // Each file begins with what a decoder needs.
    expect(saved?.tags.filter(({ body }) => body.length === 6)).toHaveLength(3)
  })

  test('loses the files that the gateway knows', async () => {
    const session = newUuid()
    const journal = open(session)
    append(journal, 8)
    await untilWritten(session, 8)
    journal.trim(5000)
    await until(async () => (await readdir(join(dir, session))).length === 3, 'two of four files are gone')
    expect(timesOf((await restore())[0])).toEqual([4000, 5000, 6000, 7000])
    await journal.remove()
    expect(await readdir(dir)).toEqual([])
  })

  test('loses the oldest files beyond its capacity', async () => {
    const session = newUuid()
    append(open(session, 5 * FRAME_BYTES), 8)
    const list = async () => new Set(await readdir(join(dir, session)).catch(() => []))
    const kept = new Set(['000000002.flv', '000000003.flv', 'session.json'])
    await expect.poll(list).toEqual(kept)
    await untilWritten(session, 4)
    expect(timesOf((await restore())[0])).toEqual([4000, 5000, 6000, 7000])
  })

  test('is read up to a tag that was not written whole', async () => {
    const session = newUuid()
    append(open(session), 4)
    await untilWritten(session, 4)
    const [, newest = ''] = (await readdir(join(dir, session))).filter((file) => file.endsWith('.flv')).toSorted()
    await truncate(join(dir, session, newest), 300)
    expect(timesOf((await restore())[0])).toEqual([0, 1000, 2000])
  })

  test('is removed where it is too old', async () => {
    const session = newUuid()
    append(open(session), 2)
    await untilWritten(session, 2)
    for (const file of await readdir(join(dir, session))) await utimes(join(dir, session, file), 1, 1)
    expect(await restore()).toEqual([])
    expect(await readdir(dir)).toEqual([])
  })

  test('sessions are restored in their order, the newest ones where there is room for some only', async () => {
    const sessions = [newUuid(), newUuid(), newUuid()]
    for (const session of sessions) append(open(session), 2)
    for (const session of sessions) await untilWritten(session, 2)
    const restored = async (capacityBytes: number) =>
      (await restoreSessions({ dir, capacityBytes, maxAgeMs: 60_000, log })).map(({ owner }) => owner.session)
    expect(await restored(1 << 20)).toEqual(sessions)
    expect(await restored(1200)).toEqual(sessions.slice(1))
  })
})

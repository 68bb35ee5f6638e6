import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, onTestFinished, test } from 'vitest'

import { createProbe } from '../testing/plans.ts'
import { noteCut, salvageInput } from './salvage-input.ts'

function box(type: string, bodyBytes: number): Buffer {
  const bytes = Buffer.alloc(8 + bodyBytes)
  bytes.writeUInt32BE(bytes.length)
  bytes.write(type, 4, 'latin1')
  return bytes
}

const START = Buffer.concat([box('ftyp', 8), box('moov', 40), box('moof', 30), box('mdat', 100)])
const WHOLE = Buffer.concat([START, box('moof', 30), box('mdat', 100)])

/** Salvages a file outside the job's folder, and returns what can be read then. */
async function salvage(bytes: Buffer) {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-salvage-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const path = join(dir, 'theirs.mp4')
  await writeFile(path, bytes)
  const salvaged = await salvageInput(path, dir)
  const { size } = await stat(path)
  if (size !== bytes.length) throw new Error('the file was changed')
  return { isCut: salvaged.isCut, isCopy: salvaged.path !== path, read: await readFile(salvaged.path) }
}

test.each([30, 8, 7, 1])('a fragment of which %i bytes are there is cut off, from a copy', async (bytes) => {
  const cut = WHOLE.subarray(0, START.length + bytes)
  expect(await salvage(cut)).toEqual({ isCut: true, isCopy: true, read: START })
})

test('a fragment whose media break off stays as it is, but counts as cut', async () => {
  const cut = WHOLE.subarray(0, WHOLE.length - 20)
  expect(await salvage(cut)).toEqual({ isCut: true, isCopy: false, read: cut })
})

test.each([
  ['a whole file', WHOLE],
  ['a file with something else behind it', Buffer.concat([WHOLE, Buffer.from('some text that is no box')])],
  ['a file with some zeros behind it', Buffer.concat([box('ftyp', 8), box('moov', 40), Buffer.alloc(3)])],
  ['a file of another format', Buffer.from('G@@0 a transport stream, for example')],
  ['a file of four bytes', Buffer.from('RIFF')],
])('%s is read in place', async (_what, bytes) => {
  expect(await salvage(bytes)).toEqual({ isCut: false, isCopy: false, read: bytes })
})

test('a probe says that the end is missing, unless it says more already', () => {
  const probe = createProbe({ durationSec: 8 })
  expect(noteCut(probe, false).endMismatch).toBeNull()
  expect(noteCut(probe, true).endMismatch).toEqual({ kind: 'cut', declaredSec: 10, actualSec: 10 })
  const endMismatch = { kind: 'incomplete', declaredSec: 20, actualSec: 10 } as const
  expect(noteCut({ ...probe, endMismatch }, true).endMismatch).toEqual(endMismatch)
})

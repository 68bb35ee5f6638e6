import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import * as v from 'valibot'
import { expect, onTestFinished, test } from 'vitest'

import { StorageOrder } from '../../../shared/contract/live-files.ts'
import { newUuid } from '../../../shared/ids.ts'
import { openLocalStore } from '../../stores/local.ts'
import { runTasks } from './run-tasks.ts'

const never = new AbortController().signal

async function createStore(files: readonly string[]) {
  const dir = await mkdtemp(join(tmpdir(), 'storage-tasks-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  for (const file of files) {
    await mkdir(dirname(join(dir, file)), { recursive: true })
    await writeFile(join(dir, file), 'x')
  }
  const left = async () => {
    const entries = await readdir(dir, { recursive: true, withFileTypes: true })
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
  }
  return { store: openLocalStore({ dir, url: 'http://127.0.0.1:1/media' }), left }
}

test('only what a task names is removed, and one that fails stops no other', async () => {
  const [first, second, third] = [newUuid(), newUuid(), newUuid()]
  const { store, left } = await createStore([
    `live/${first}/1/720/0.m4s`,
    `live/${first}/recording.mp4`,
    `live/${second}/1/720/0.m4s`,
    `live/${second}/1/720/1.m4s`,
    `live/${third}`,
    'shows/7/master.m3u8',
  ])
  const folderOf = (id: string) => ({ task_id: newUuid(), folder: `live/${id}/` })
  const { tasks } = v.parse(StorageOrder, {
    tasks: [
      { ...folderOf(first), action: 'remove_folder' },
      { ...folderOf(second), action: 'remove_files', names: ['1/720/0.m4s', '1/720/9.m4s'] },
      { ...folderOf(second), action: 'change_class', storage_class: 'STANDARD_IA' },
      { ...folderOf(newUuid()), action: 'remove_folder' },
    ],
  })
  const results = await runTasks(tasks, store, never)
  expect(results).toEqual(tasks.map((task) => ({ task_id: task.task_id, problem: null })))
  expect((await left()).toSorted((a, b) => a.localeCompare(b))).toEqual(
    [`live/${second}/1/720/1.m4s`, `live/${third}`, 'shows/7/master.m3u8'].toSorted((a, b) => a.localeCompare(b)),
  )
})

test('what stays of a removed folder is named by its task', async () => {
  const id = newUuid()
  const { store, left } = await createStore([
    `live/${id}/1/720/0.m4s`,
    `live/${id}/clips/a.mp4`,
    `live/${id}/clips/b.mp4`,
  ])
  const task = { task_id: newUuid(), folder: `live/${id}/`, action: 'remove_folder', keep: ['clips/a.mp4'] } as const
  expect(await runTasks([{ ...task, keep: [...task.keep] }], store, never)).toEqual([
    { task_id: task.task_id, problem: null },
  ])
  expect(await left()).toEqual([`live/${id}/clips/a.mp4`])
})

test('a task that leads out of the folder of one broadcast is none', () => {
  const task = { task_id: newUuid(), action: 'remove_folder' }
  for (const folder of [
    '',
    '/',
    'live/',
    'shows/',
    `live/../${newUuid()}/`,
    `live/${newUuid()}`,
    `live/${newUuid()}/x/`,
  ]) {
    expect(v.safeParse(StorageOrder, { tasks: [{ ...task, folder }] }).success).toBe(false)
  }
  for (const name of ['', '../x', 'a/../../x', '/x', '.hidden', 'a//b']) {
    const files = { ...task, action: 'remove_files', folder: `live/${newUuid()}/`, names: [name] }
    expect(v.safeParse(StorageOrder, { tasks: [files] }).success).toBe(false)
  }
})

test('a stopped worker reports what it has begun, and leaves the rest', async () => {
  const { store } = await createStore([])
  const tasks = [{ task_id: newUuid(), folder: `live/${newUuid()}/`, action: 'remove_folder' as const, keep: [] }]
  expect(await runTasks(tasks, store, AbortSignal.abort())).toEqual([])
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { lstat, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, onTestFinished, test } from 'vitest'

import { openScratchFolder, ScratchFolderError } from './scratch.ts'

const HOST = hostname().replaceAll(/[^\w-]/g, '-')

async function temporaryFolder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'tallylight-scratch-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

/** Starts a process that opens a scratch folder, prints its path and then runs `after`; by default it waits. */
async function startOwner(workDir: string, after = 'setInterval(() => {}, 1000)') {
  const script = `
    const { openScratchFolder } = await import('./worker/platform/scratch.ts')
    const { writeFileSync } = await import('node:fs')
    const { dir } = await openScratchFolder(${JSON.stringify(workDir)}, 'job-1')
    writeFileSync(dir + '/input', 'half')
    process.stdout.write(dir)
    ${after}`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script])
  const exited = once(child, 'exit')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exited
  })
  const [dir] = await Promise.race([once(child.stdout, 'data'), exited.then(() => [''])])
  return { dir: String(dir), child, exited }
}

test('a scratch folder is empty, private, named after its purpose, and removed with its content on disposal', async () => {
  const workDir = join(await temporaryFolder(), 'deep', 'work')
  {
    await using scratch = await openScratchFolder(workDir, 'job-1')
    expect(scratch.dir.startsWith(join(workDir, 'job-1.'))).toBe(true)
    expect((await lstat(scratch.dir)).mode & 0o777).toBe(0o700)
    await mkdir(join(scratch.dir, 'out'))
    await writeFile(join(scratch.dir, 'out', 'segment'), 'x')
  }
  expect(await readdir(workDir)).toEqual([])
})

test('the folder of a killed process is removed when the next one starts; that of a running process stays', async () => {
  const workDir = await temporaryFolder()
  const [dead, alive] = await Promise.all([startOwner(workDir), startOwner(workDir)])
  dead.child.kill('SIGKILL')
  await dead.exited
  expect(await readdir(workDir)).toHaveLength(2)

  await using own = await openScratchFolder(workDir, 'job-2')
  const left = await readdir(workDir)
  expect(left.map((name) => join(workDir, name)).toSorted()).toEqual([alive.dir, own.dir].toSorted())
  expect(await readdir(alive.dir)).toEqual(['input'])
})

test('a process that exits removes its folder', async () => {
  const workDir = await temporaryFolder()
  const { exited } = await startOwner(workDir, 'process.exit(3)')
  await exited
  expect(await readdir(workDir)).toEqual([])
})

test('a reused pid does not keep the folder of the former process', async () => {
  const workDir = await temporaryFolder()
  await mkdir(join(workDir, `job-1.${HOST}.${process.pid}.1`))
  await using own = await openScratchFolder(workDir, 'job-1')
  expect((await readdir(workDir)).map((name) => join(workDir, name))).toEqual([own.dir])
})

test('folders of other machines, other names, files and links are not touched', async () => {
  const workDir = await temporaryFolder()
  const elsewhere = await temporaryFolder()
  await writeFile(join(elsewhere, 'precious'), 'x')
  const foreign = ['job-1.other-host.999999999.1', 'holiday', `job-1.${HOST}.x.1`]
  for (const name of foreign) await mkdir(join(workDir, name))
  await writeFile(join(workDir, `file.${HOST}.999999999.1`), 'x')
  await symlink(elsewhere, join(workDir, `link.${HOST}.999999999.1`))
  const before = await readdir(workDir)
  {
    await using scratch = await openScratchFolder(workDir, 'job-2')
    await symlink(elsewhere, join(scratch.dir, 'link'))
  }
  expect(await readdir(workDir)).toEqual(before)
  expect(await readdir(elsewhere)).toEqual(['precious'])
})

test('many processes can open and close folders at the same time', async () => {
  const workDir = await temporaryFolder()
  for (let i = 0; i < 20; i++) await mkdir(join(workDir, `job-${i}.${HOST}.999999999.${i}`))
  const opened = await Promise.all(Array.from({ length: 10 }, (_, i) => openScratchFolder(workDir, `job-${i}`)))
  expect((await readdir(workDir)).length).toBe(10)
  await Promise.all(opened.map((scratch) => scratch[Symbol.asyncDispose]()))
  expect(await readdir(workDir)).toEqual([])
})

test.runIf(process.getuid?.() === 0)('a parent folder of another account is refused', async () => {
  const { chown } = await import('node:fs/promises')
  const workDir = await temporaryFolder()
  await chown(workDir, 65_534, 65_534)
  await expect(openScratchFolder(workDir, 'job-1')).rejects.toThrow(ScratchFolderError)
})

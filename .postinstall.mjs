/**
 * Mends postgres.js 3.4.9 after `npm ci`. It writes with a delay, and where the connection closes in between it throws
 * out of a timer, which ends the process, and leaves that connection of the pool unusable for good; see
 * https://github.com/porsager/postgres/issues/1208. To go as soon as a release has the guard; database-gone.e2e.test.ts
 * tells.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const VERSION = '3.4.9'
const MARK = '/* mended by Tallylight */'

/** What to insert behind the heads of two functions. */
const INSERTIONS = [
  ['async function closed(hadError) {', 'clearImmediate(nextWriteTimer); chunk = nextWriteTimer = null'],
  [
    'function nextWrite(fn) {',
    "if (socket === null) { chunk = nextWriteTimer = null; error(Errors.connection('CONNECTION_CLOSED', options)); return false }",
  ],
]

const root = join(dirname(createRequire(import.meta.url).resolve('postgres')), '..', '..')
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
if (version !== VERSION) throw new Error(`postgres ${version} is installed: does it still need .postinstall.mjs?`)

const path = join(root, 'src', 'connection.js')
const source = readFileSync(path, 'utf8')
if (!source.includes(MARK)) writeFileSync(path, INSERTIONS.reduce(insert, source))

function insert(text, [head, line]) {
  if (text.split(head).length !== 2) throw new Error(`${path} has not one "${head}"`)
  return text.replace(head, () => `${head} ${MARK} ${line};`)
}

/** The least that Node can do: files of a folder from memory, by `node:http` alone. `node plain-server.ts ROOT PORT`. */

import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'

const [root = '', port] = process.argv.slice(2)
const files = new Map<string, Buffer>()

createServer((request, response) => {
  const path = request.url ?? ''
  const bytes = files.get(path) ?? readFileSync(join(root, path))
  files.set(path, bytes)
  response.writeHead(200, { 'Content-Length': bytes.length, 'Cache-Control': 'no-store' })
  response.end(bytes)
}).listen(Number(port), '127.0.0.1')

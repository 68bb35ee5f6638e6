/**
 * Loads a server from a process of its own, so that its CPU is apart: `node load.ts '{"origin":…}'` prints the requests. It
 * reads answers into one buffer and costs far less than the servers do.
 */

import { connect } from 'node:net'

import * as v from 'valibot'

/** What to request, over how many connections, and for how long. Each answer must have a Content-Length. */
const LoadOrder = v.object({ origin: v.string(), path: v.string(), connections: v.number(), sec: v.number() })

const { origin, path, connections, sec } = v.parse(v.pipe(v.string(), v.parseJson(), LoadOrder), process.argv[2])
const { hostname, port, host } = new URL(origin)
const request = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nAccept: */*\r\n\r\n`
const endMs = performance.now() + sec * 1000
let [requests, bytes] = [0, 0]
await Promise.all(Array.from({ length: connections }, loadConnection))
process.stdout.write(JSON.stringify({ requests, bytes }))

/** Sends one request after another until the time is over. */
function loadConnection(): Promise<void> {
  return new Promise((resolve, reject) => {
    /** Bytes of the body that have not come yet; `null`: the head of an answer is read. */
    let left: number | null = null
    let head = ''
    function receive(count: number, buffer: Uint8Array): boolean {
      let body = count
      if (left === null) {
        head += Buffer.from(buffer.buffer, buffer.byteOffset, count).toString('latin1')
        const end = head.indexOf('\r\n\r\n')
        if (end < 0) return true
        const length = /^HTTP\/1\.1 200 [\s\S]*\r\ncontent-length: (\d+)\r\n/i.exec(head.slice(0, end + 2))?.[1]
        if (length === undefined) return fail(`${path} was answered: ${head.slice(0, end)}`)
        body = head.length - end - 4
        left = Number(length)
        bytes += left
        head = ''
      }
      left -= body
      if (left === 0) finishAnswer()
      return true
    }
    function finishAnswer(): void {
      requests++
      left = null
      if (performance.now() < endMs) socket.write(request)
      else socket.end(() => resolve())
    }
    function fail(message: string): boolean {
      reject(new Error(message))
      socket.destroy()
      return false
    }
    const onread = { buffer: Buffer.allocUnsafe(256 * 1024), callback: receive }
    const socket = connect({ host: hostname, port: Number(port), onread }, () => socket.write(request))
    socket.on('error', reject)
  })
}

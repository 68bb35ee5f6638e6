/** The plain way of chats: each message to each client of its path, as it comes. `node plain-chat.ts PORT`. */

import { createServer } from 'node:http'

import { WebSocketServer, type WebSocket } from 'ws'

const rooms = new Map<string, Set<WebSocket>>()
const sockets = new WebSocketServer({
  noServer: true,
  maxPayload: 16 * 1024,
  perMessageDeflate: false,
  clientTracking: false,
})
let seq = 0

createServer()
  .on('upgrade', (request, socket, head) => {
    sockets.handleUpgrade(request, socket, head, (client) => {
      const clients = rooms.get(request.url ?? '') ?? new Set()
      rooms.set(request.url ?? '', clients.add(client))
      client.on('close', () => clients.delete(client))
      client.on('message', (data) => {
        const { text }: { text: string } = JSON.parse(Buffer.from(data as Uint8Array).toString())
        const user = { user_id: crypto.randomUUID(), username: 'someone', role: 'viewer' }
        const message = {
          type: 'message',
          seq: ++seq,
          id: crypto.randomUUID(),
          user,
          text,
          at: new Date().toISOString(),
        }
        const frame = JSON.stringify(message)
        for (const one of clients) one.send(frame)
      })
    })
  })
  .listen(Number(process.argv[2]), '127.0.0.1')

/** The plain way of a chat: each message to each client, as it comes. `node plain-chat.ts PORT`. */

import { createServer } from 'node:http'

import { WebSocketServer, type WebSocket } from 'ws'

const clients = new Set<WebSocket>()
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
      clients.add(client)
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

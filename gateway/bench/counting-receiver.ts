import { createServer } from 'node:http'

/** A receiver in its own process: answers each POST with 204, and sends `reached` after the requested number of them. */
let received = 0
let wanted = Infinity

function notifyWhenReached(): void {
  if (received < wanted) return
  wanted = Infinity
  process.send?.('reached')
}

const server = createServer((request, response) => {
  request.resume().on('end', () => {
    response.writeHead(204).end()
    received += 1
    notifyWhenReached()
  })
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.send?.(typeof address === 'object' ? address?.port : 0)
})
process.on('message', (count) => {
  wanted = Number(count)
  notifyWhenReached()
})
process.on('disconnect', () => process.exit(0))

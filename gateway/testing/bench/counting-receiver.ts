import { createServer } from 'node:http'

/** Answers every POST with 204 and says, once it has had as many as it was told to wait for, that it has. */
let had = 0
let wanted = Infinity

function tellWhenReached(): void {
  if (had < wanted) return
  wanted = Infinity
  process.send?.('reached')
}

const server = createServer((request, response) => {
  request.resume().on('end', () => {
    response.writeHead(204).end()
    had += 1
    tellWhenReached()
  })
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.send?.(typeof address === 'object' ? address?.port : 0)
})
process.on('message', (count) => {
  wanted = Number(count)
  tellWhenReached()
})
process.on('disconnect', () => process.exit(0))

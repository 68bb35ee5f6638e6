import { createSocket } from 'node:dgram'

/**
 * Returns a free UDP port of an address (`null`: all addresses): `wanted`, or any one for 0.
 * @throws Error with a `code` such as EADDRINUSE
 */
export function findUdpPort(wanted: number, address: string | null): Promise<number> {
  const socket = createSocket(address?.includes(':') === false ? 'udp4' : 'udp6')
  return new Promise((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close()
      reject(error)
    })
    socket.bind(wanted, address ?? undefined, () => {
      const { port } = socket.address()
      socket.close(() => resolve(port))
    })
  })
}

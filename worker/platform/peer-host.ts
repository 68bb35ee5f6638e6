import type { WorkerEnvironment } from '../environment.ts'

/** The host of processes that only the programs of one machine reach. */
const LOOPBACK = '127.0.0.1'

/** Returns the address on which a worker listens for other parts of the system, and by which they reach it. */
export function peerHostOf({ POD_IP }: Pick<WorkerEnvironment, 'POD_IP'>): string {
  return POD_IP ?? LOOPBACK
}

/** Returns the base URL of an HTTP server. */
export function composeHttpUrl(host: string, port: number): string {
  return `http://${composeAuthority(host, port)}`
}

/** Returns the host and port of a URL; an IPv6 address is put in brackets (RFC 3986 §3.2.2). */
export function composeAuthority(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

import { lookup } from 'node:dns'
import { connect as connectPlain, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

import { type DnsLookup, guardLookup } from '../../shared/net/guarded-lookup.ts'
import { type AddressPolicy, ForbiddenAddressError, isPrivateHost } from '../../shared/net/safe-url.ts'

/** A connection of a client. */
export type TcpSocket = Socket

export type TcpClientOptions = {
  /** A name, or an address without brackets. */
  readonly hostname: string
  readonly port: number
  readonly isSecure: boolean
  readonly policy: AddressPolicy
  /** Time for the name, the connection and the handshake of TLS together. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** A certificate to trust in place of the known authorities, in PEM. */
  readonly ca?: string | undefined
  /** Resolves names; not set: the system does. */
  readonly resolve?: DnsLookup
}

/** Why there is no connection. */
export type ConnectProblem = 'address_forbidden' | 'address_unknown' | 'certificate' | 'unreachable' | 'timeout'

export type TcpConnecting =
  | { readonly kind: 'connected'; readonly socket: Socket }
  | { readonly kind: 'aborted' }
  | { readonly kind: 'failed'; readonly problem: ConnectProblem; readonly reason: string }

/**
 * Connects by TCP or TLS, with the certificate checked against the name. By policy only public addresses are connected to:
 * the address that was looked up is the one that is used, so that DNS rebinding cannot bypass the guard.
 */
export function connectTcp(options: TcpClientOptions): Promise<TcpConnecting> {
  const { hostname, policy, timeoutMs, signal, isSecure } = options
  if (signal.aborted) return Promise.resolve({ kind: 'aborted' })
  // Sockets do not look up literal addresses.
  if (!policy.allowPrivateNetworks && isPrivateHost(hostname)) {
    return Promise.resolve(fail('address_forbidden', new ForbiddenAddressError(hostname).message))
  }
  const socket = openSocket(options)
  return new Promise((resolve) => {
    const end = (result: TcpConnecting) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      if (result.kind !== 'connected') socket.destroy()
      resolve(result)
    }
    const onAbort = () => end({ kind: 'aborted' })
    const timer = setTimeout(
      () => end(fail('timeout', `the server did not accept a connection within ${timeoutMs / 1000} s`)),
      timeoutMs,
    )
    signal.addEventListener('abort', onAbort)
    // The listener stays: an error of a socket without one ends the program.
    socket.on('error', (error: NodeJS.ErrnoException) => end(describeError(error, options)))
    socket.once(isSecure ? 'secureConnect' : 'connect', () => end({ kind: 'connected', socket }))
  })
}

function openSocket(options: TcpClientOptions): Socket {
  const { hostname: host, port, isSecure, policy, ca, resolve = lookup } = options
  const target = {
    host,
    port,
    noDelay: true,
    keepAlive: true,
    ...(policy.allowPrivateNetworks ? {} : { lookup: guardLookup(resolve) }),
  }
  if (!isSecure) return connectPlain(target)
  // Server Name Indication has names only (RFC 6066 §3).
  const name = isIP(host) === 0 ? { servername: host } : {}
  return connectTls({ ...target, ...name, ...(ca === undefined ? {} : { ca }), minVersion: 'TLSv1.2' })
}

/** Codes of OpenSSL and Node for a certificate that is not trusted, not valid now, or of another name. */
const OF_CERTIFICATES = /CERT|SIGNATURE|ISSUER|ALTNAME/

function describeError(error: NodeJS.ErrnoException, { hostname, isSecure }: TcpClientOptions): TcpConnecting {
  const { code = '' } = error
  if (error instanceof ForbiddenAddressError) return fail('address_forbidden', error.message)
  if (['ENOTFOUND', 'EAI_AGAIN', 'ENODATA'].includes(code)) {
    return fail('address_unknown', `the name ${hostname} cannot be resolved`)
  }
  if (OF_CERTIFICATES.test(code)) return fail('certificate', `the certificate of the server is not valid: ${code}`)
  const how = isSecure ? 'a TLS connection' : 'a connection'
  return fail('unreachable', `the server does not accept ${how}${code === '' ? '' : `: ${code}`}`)
}

function fail(problem: ConnectProblem, reason: string): TcpConnecting {
  return { kind: 'failed', problem, reason }
}

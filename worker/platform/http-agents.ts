import dns from 'node:dns'
import http from 'node:http'
import https from 'node:https'
import type { LookupFunction } from 'node:net'
import type { Duplex } from 'node:stream'
import tls from 'node:tls'

import { guardLookup } from '../../shared/net/guarded-lookup.ts'
import { type AddressPolicy, ForbiddenAddressError, isPrivateHost } from '../../shared/net/safe-url.ts'
import { whenPrivateForbidden, type ChangingPolicy } from './changing-policy.ts'

/** Forward proxies, as in `HTTP_PROXY` and `HTTPS_PROXY`; `bypass` is `NO_PROXY`. */
export type ProxySettings = {
  readonly http: string | null
  readonly https: string | null
  readonly bypass: string | null
}

/** How a request reaches its server. `options` are those of `http.request`; `isSecure`: over TLS from here. */
export type HttpRoute = {
  readonly isSecure: boolean
  readonly options: Omit<http.RequestOptions, 'headers'> & { readonly headers: Readonly<Record<string, string>> }
}

/** Keeps connections and chooses the route of each request. */
export type HttpAgents = {
  routeTo(url: URL): HttpRoute
  destroy(): void
}

const KEEP_ALIVE = { keepAlive: true, maxFreeSockets: 8, scheduling: 'lifo' } as const

/**
 * Creates the connections of one client. Where private addresses are forbidden, direct connections are made to public
 * addresses only: the address of a name is checked when it is looked up for the connection, and a literal one before.
 */
export function createHttpAgents(policy: ChangingPolicy, proxies: ProxySettings): HttpAgents {
  const options = { ...KEEP_ALIVE, lookup: lookupBy(policy) }
  const direct = {
    http: guardAgent(new http.Agent(options), policy),
    https: guardAgent(new https.Agent(options), policy),
  }
  const destroyDirect = () => {
    for (const each of [direct.http, direct.https]) each.destroy()
  }
  // Kept connections may lead to private addresses.
  const unsubscribe = whenPrivateForbidden(policy, destroyDirect)
  const viaHttp = proxies.http === null ? null : createProxyRoutes(proxies.http)
  const viaHttps = proxies.https === null ? viaHttp : createProxyRoutes(proxies.https)
  return {
    routeTo(url) {
      const isSecure = url.protocol === 'https:'
      const proxy = bypassesProxy(url, proxies.bypass) ? null : isSecure ? viaHttps : viaHttp
      if (proxy !== null) return isSecure ? proxy.tunnelTo(url) : proxy.forwardTo(url)
      return { isSecure, options: { ...serverOf(url), agent: isSecure ? direct.https : direct.http } }
    },
    destroy() {
      unsubscribe()
      destroyDirect()
      for (const each of [viaHttp, viaHttps]) each?.destroy()
    },
  }
}

/** Returns the lookup of names for a socket, by what the policy allows when the connection is made. */
function lookupBy(policy: AddressPolicy): LookupFunction {
  const guarded = guardLookup(dns.lookup)
  return (name, options, callback) =>
    policy.allowPrivateNetworks ? dns.lookup(name, options, callback) : guarded(name, options, callback)
}

/** Makes an agent refuse literal private addresses, which sockets do not look up. */
function guardAgent<T extends http.Agent>(agent: T, policy: AddressPolicy): T {
  const connect = agent.createConnection.bind(agent)
  agent.createConnection = (options, callback) => {
    const host = options.host ?? ''
    if (!policy.allowPrivateNetworks && isPrivateHost(host)) throw new ForbiddenAddressError(host)
    return connect(options, callback)
  }
  return agent
}

function serverOf({ hostname, port, pathname, search, host }: URL): HttpRoute['options'] {
  const bare = hostname.replace(/^\[|\]$/g, '')
  return { host: bare, ...(port === '' ? {} : { port }), path: pathname + search, headers: { host } }
}

/** Reports whether NO_PROXY names a host, or a domain above it. */
function bypassesProxy({ hostname, port }: URL, bypass: string | null): boolean {
  const entries = (bypass ?? '').split(/[\s,]+/).filter((entry) => entry !== '')
  return entries.some((entry) => {
    if (entry === '*') return true
    const [, name = '', entryPort] = /^\*?\.?(.*?)(?::(\d+))?$/.exec(entry.toLowerCase()) ?? []
    if (entryPort !== undefined && entryPort !== port) return false
    return hostname === name || hostname.endsWith(`.${name}`)
  })
}

type ProxyRoutes = {
  /** Sends the whole URL to the proxy (RFC 9112 §3.2.2). */
  forwardTo(url: URL): HttpRoute
  /** Connects through the proxy (RFC 9110 §9.3.6). */
  tunnelTo(url: URL): HttpRoute
  destroy(): void
}

function createProxyRoutes(proxyUrl: string): ProxyRoutes {
  const proxy = new URL(proxyUrl)
  const isSecure = proxy.protocol === 'https:'
  const forwarder = isSecure ? new https.Agent(KEEP_ALIVE) : new http.Agent(KEEP_ALIVE)
  const credentials = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`
  const headers: Record<string, string> =
    credentials === ':' ? {} : { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` }
  const server = { host: proxy.hostname.replace(/^\[|\]$/g, ''), port: proxy.port || (isSecure ? 443 : 80) }
  const tunnels = createTunnelAgent((target) => ({
    isSecure,
    options: { ...server, method: 'CONNECT', path: target, headers: { ...headers, host: target }, agent: false },
  }))
  return {
    forwardTo: (url) => ({
      isSecure,
      options: {
        ...server,
        path: `${url.origin}${url.pathname}${url.search}`,
        headers: { ...headers, host: url.host },
        agent: forwarder,
      },
    }),
    tunnelTo: (url) => ({ isSecure: true, options: { ...serverOf(url), agent: tunnels } }),
    destroy() {
      forwarder.destroy()
      tunnels.destroy()
    },
  }
}

/** Longest time for a proxy to answer a CONNECT, in ms. */
const CONNECT_TIMEOUT_MS = 30_000

/** Creates an agent whose TLS connections run through tunnels of a proxy. */
function createTunnelAgent(connectRoute: (target: string) => HttpRoute): https.Agent {
  const agent = new https.Agent(KEEP_ALIVE)
  const open = (options: tls.ConnectionOptions, callback: (error: Error | null, socket: Duplex) => void): undefined => {
    const host = options.host ?? ''
    const target = `${host.includes(':') ? `[${host}]` : host}:${options.port ?? 443}`
    const { isSecure, options: request } = connectRoute(target)
    const asked = (isSecure ? https : http).request({ ...request, timeout: CONNECT_TIMEOUT_MS })
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- after an error no socket is read
    const fail = (error: Error) => callback(error, undefined as never)
    asked.once('timeout', () => asked.destroy(new Error('the proxy did not answer')))
    asked.once('error', fail)
    asked.once('response', ({ statusCode }) => asked.destroy(new Error(`the proxy answered HTTP ${statusCode}`)))
    asked.once('connect', ({ statusCode }, socket) => {
      asked.off('error', fail)
      if (statusCode === 200) return callback(null, tls.connect({ ...options, socket }))
      socket.destroy()
      fail(new Error(`the proxy answered HTTP ${statusCode}`))
    })
    asked.end()
  }
  Object.defineProperty(agent, 'createConnection', { value: open })
  return agent
}

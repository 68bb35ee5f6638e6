import type { LookupAddress } from 'node:dns'
import net from 'node:net'

import { buildConnector } from 'undici'
import { expect, test } from 'vitest'

import { type DnsLookup, guardConnector, guardLookup } from './guarded-lookup.ts'

const PUBLIC = { address: '93.184.216.34', family: 4 }
const PRIVATE = { address: '10.0.0.7', family: 4 }

function resolvesTo(...addresses: LookupAddress[]): DnsLookup {
  return (_hostname, _options, callback) => callback(null, addresses)
}

function lookUp(lookup: DnsLookup, hostname: string, all: boolean): Promise<unknown> {
  return new Promise((resolve, reject) => {
    guardLookup(lookup)(hostname, { all }, (error, address) => (error === null ? resolve(address) : reject(error)))
  })
}

test('a name that resolves to private addresses only is refused, in both forms of the call', async () => {
  const forbidden = expect.objectContaining({ code: 'FORBIDDEN_ADDRESS' })
  await expect(lookUp(resolvesTo(PRIVATE), 'rebound.test', true)).rejects.toEqual(forbidden)
  await expect(lookUp(resolvesTo(PRIVATE), 'rebound.test', false)).rejects.toEqual(forbidden)
  await expect(lookUp(resolvesTo(), 'nothing.test', true)).rejects.toEqual(forbidden)
})

test('a name that resolves to public and private addresses is reached at the public ones only', async () => {
  expect(await lookUp(resolvesTo(PRIVATE, PUBLIC), 'mixed.test', true)).toEqual([PUBLIC])
  expect(await lookUp(resolvesTo(PRIVATE, PUBLIC), 'mixed.test', false)).toBe(PUBLIC.address)
})

test('a name of the local machine is refused without a lookup', async () => {
  const neverCalled: DnsLookup = () => expect.unreachable()
  await expect(lookUp(neverCalled, 'localhost', true)).rejects.toThrow('localhost is a private address')
})

test('the error of a failed lookup is passed on unchanged', async () => {
  const fails: DnsLookup = (_hostname, _options, callback) => callback(new Error('ENOTFOUND'), [])
  await expect(lookUp(fails, 'missing.test', true)).rejects.toThrow('ENOTFOUND')
})

test('a socket does not connect to a name that resolves to this machine', async () => {
  let connections = 0
  const server = net.createServer(() => connections++)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  const rebound = resolvesTo({ address: '127.0.0.1', family: 4 })
  const connector = guardConnector(buildConnector({ lookup: guardLookup(rebound) }))
  const connect = (hostname: string) =>
    new Promise<Error | null>((resolve) => {
      connector({ hostname, protocol: 'http:', port: String(port) }, (...[error]) => resolve(error))
    })
  expect(await connect('rebound.test')).toMatchObject({ code: 'FORBIDDEN_ADDRESS' })
  expect(await connect('127.0.0.1')).toMatchObject({ code: 'FORBIDDEN_ADDRESS' })
  await new Promise((resolve) => server.close(resolve))
  expect(connections).toBe(0)
})

import { assert, property, string } from 'fast-check'
import * as v from 'valibot'
import { expect, test } from 'vitest'

import { AddressBlocks } from '../settings/address-blocks.ts'
import { findClientAddress, networkOf } from './client-address.ts'

const TRUSTED = v.parse(AddressBlocks, '10.0.0.0/8, 192.0.2.7, fd00::/8')

test.each([
  ['a client without a proxy', '198.51.100.4', undefined, '198.51.100.4'],
  ['a client that forges the header', '198.51.100.4', '203.0.113.9', '198.51.100.4'],
  ['a client behind a proxy', '10.1.2.3', '198.51.100.4', '198.51.100.4'],
  [
    'a client behind a proxy, with forged addresses before its own',
    '10.1.2.3',
    '10.9.9.9, 1.2.3.4, 198.51.100.4',
    '198.51.100.4',
  ],
  ['a client behind several proxies', 'fd12::1', '1.2.3.4, 198.51.100.4, 192.0.2.7, 10.0.0.1', '198.51.100.4'],
  ['a client at the address of a proxy', '10.1.2.3', '10.0.0.8, 10.0.0.9', '10.0.0.8'],
  ['a proxy that states nothing', '10.1.2.3', undefined, '10.1.2.3'],
  ['a client by IPv6', 'fd12::1', '2001:DB8:0::9', '2001:db8::9'],
  ['IPv4 in IPv6', '::ffff:10.1.2.3', '::ffff:198.51.100.4', '198.51.100.4'],
  ['entries with ports', '10.1.2.3', '198.51.100.4:4711, [fd00::1]:80, 10.0.0.1:80', '198.51.100.4'],
  ['an address with a zone', 'fe80::1%eth0', undefined, 'fe80::1'],
  ['garbage after the proxy', '10.1.2.3', '198.51.100.4, unknown', '10.1.2.3'],
  ['garbage before the client', '10.1.2.3', 'evil"; drop, 198.51.100.4', '198.51.100.4'],
  ['an address in a spelling that programs read differently', '10.1.2.3', '1.2.3.4, 0x0a000001', '10.1.2.3'],
  ['empty entries', '10.1.2.3', ',, ,', '10.1.2.3'],
  ['a connection without an address', 'unknown', '198.51.100.4', 'unknown'],
])('%s', (_name, peer, forwardedFor, client) => {
  expect(findClientAddress(peer, forwardedFor, TRUSTED)).toBe(client)
})

test('without trusted proxies, no header changes the address', () => {
  assert(
    property(string(), (header) => {
      expect(findClientAddress('10.1.2.3', header, [])).toBe('10.1.2.3')
    }),
  )
})

test('whatever a client sends, the address that its proxy appended is found', () => {
  assert(
    property(string(), (forged) => {
      expect(findClientAddress('10.1.2.3', `${forged}, 198.51.100.4`, TRUSTED)).toBe('198.51.100.4')
    }),
  )
})

test.each([
  '10.0.0.0/33',
  '10.0.0/8',
  'fd00::/129',
  '::ffff:10.0.0.0/104',
  '10.0.0.0/8/8',
  '10.0.0.0/',
  'proxy',
  '',
  '10.0.0.1,',
  '0x0a.0.0.1',
])('is no list of blocks: %s', (text) => {
  expect(v.is(AddressBlocks, text)).toBe(false)
})

test.each([
  ['198.51.100.4', '198.51.100.4'],
  ['::ffff:198.51.100.4', '::ffff:198.51.100.4'],
  ['2001:db8::9', '2001:db8:0:0::/64'],
  ['2001:db8:0:0:ffff:ffff:ffff:ffff', '2001:db8:0:0::/64'],
  ['2001:db8:0:1::9', '2001:db8:0:1::/64'],
  ['unknown', 'unknown'],
])('counters know %s as %s', (address, network) => {
  expect(networkOf(address)).toBe(network)
})

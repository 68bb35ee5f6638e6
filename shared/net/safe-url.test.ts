import { describe, expect, it } from 'vitest'

import { checkUrl, isPublicAddress } from './safe-url.ts'

describe('addresses', () => {
  it.each(['8.8.8.8', '1.1.1.1', '2606:4700::1111', '[2a00:1450::1]', '::ffff:8.8.8.8'])('%s is public', (address) => {
    expect(isPublicAddress(address)).toBe(true)
  })

  it.each([
    '127.0.0.1',
    '10.1.2.3',
    '172.31.0.1',
    '192.168.0.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '255.255.255.255',
    '224.0.0.1',
    '192.0.2.1',
    '198.18.0.1',
    '240.0.0.1',
    '168.63.129.16',
    '::1',
    '::',
    'fe80::1',
    'fe80::1%eth0',
    'fc00::1',
    'fd00:ec2::254',
    'ff02::1',
    '::ffff:127.0.0.1',
    '::127.0.0.1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '2001:db8::1',
    'not an address',
    '',
  ])('%s is not public', (address) => {
    expect(isPublicAddress(address)).toBe(false)
  })
})

describe('URLs', () => {
  it('with a private address are accepted only where the policy allows it', () => {
    expect(checkUrl('http://127.0.0.1/x', { allowPrivateNetworks: true }).ok).toBe(true)
    expect(checkUrl('http://127.0.0.1/x', { allowPrivateNetworks: false }).ok).toBe(false)
    expect(checkUrl('http://127.0.0.1.nip.example/x', { allowPrivateNetworks: false }).ok).toBe(true)
  })

  it.each([
    'ftp://8.8.8.8/',
    'javascript:alert(1)',
    'http://a:b@8.8.8.8/',
    'http://a@8.8.8.8/',
    '//8.8.8.8/',
    'http://',
    '',
  ])('like %s are refused under every policy', (url) => {
    expect(checkUrl(url, { allowPrivateNetworks: true }).ok).toBe(false)
  })
})

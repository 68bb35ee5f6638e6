import ipaddr from 'ipaddr.js'
import * as v from 'valibot'

import { text } from './fields.ts'

export type IpAddress = ipaddr.IPv4 | ipaddr.IPv6
/** A block of addresses in CIDR notation (RFC 4632): an address and the length of the prefix. */
export type AddressBlock = readonly [IpAddress, number]

/** Returns an address, IPv4 in IPv6 as IPv4 (RFC 4291 §2.5.5.2); `null` for other text, octal and hex spellings too. */
export function parseAddress(address: string): IpAddress | null {
  const isAddress = ipaddr.IPv4.isValidFourPartDecimal(address) || ipaddr.IPv6.isValid(address)
  return isAddress ? ipaddr.process(address) : null
}

function parseBlock(item: string): AddressBlock | null {
  const [address = '', length, ...more] = item.split('/')
  const ip = parseAddress(address)
  if (ip === null || more.length > 0) return null
  const longest = ip.kind() === 'ipv4' ? 32 : 128
  if (length === undefined) return [ip, longest]
  return /^\d{1,3}$/.test(length) && Number(length) <= longest ? [ip, Number(length)] : null
}

/** Addresses and CIDR blocks, separated by commas: `10.0.0.0/8, fd00::/8, 192.0.2.1`. */
export const AddressBlocks = v.pipe(
  text,
  v.rawTransform(({ dataset, addIssue, NEVER }): readonly AddressBlock[] => {
    const blocks = dataset.value.split(',').map((item) => parseBlock(item.trim()))
    if (blocks.every((block) => block !== null)) return blocks
    addIssue({ message: 'must be addresses or CIDR blocks such as 10.0.0.0/8,fd00::/8' })
    return NEVER
  }),
)

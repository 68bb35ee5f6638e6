import * as v from 'valibot'

import { ForbiddenAddressError, isPrivateHost, isPublicAddress } from '../../../shared/net/safe-url.ts'
import { readAtMost } from './read-at-most.ts'

/** An answer in `application/dns-json`, the format of Cloudflare's and Google's public resolvers. */
const DnsAnswer = v.object({
  Status: v.number(),
  Answer: v.optional(v.array(v.object({ type: v.number(), data: v.string() })), []),
})

/** Record types (RFC 1035 §3.2.2, RFC 3596 §2.1). A resolver also lists the aliases (CNAME) of the name. */
const ADDRESS_TYPES: Readonly<Record<'A' | 'AAAA', number>> = { A: 1, AAAA: 28 }

/** Larger than any plausible list of addresses. */
const MAX_ANSWER_BYTES = 64 * 1024

/**
 * Rejects a private address, and a name unless all its addresses are public. `resolverUrl` is a DNS-over-HTTPS resolver.
 * Limit: the platform resolves the name again when it connects, and its owner may have changed it in between.
 * @throws ForbiddenAddressError, or Error where the name cannot be resolved
 */
export async function requirePublicHost(host: string, resolverUrl: string, signal: AbortSignal): Promise<void> {
  if (isPrivateHost(host)) throw new ForbiddenAddressError(host)
  if (isPublicAddress(host)) return
  const answers = await Promise.all([
    queryResolver(resolverUrl, host, 'A', signal),
    queryResolver(resolverUrl, host, 'AAAA', signal),
  ])
  const addresses = answers.flat()
  if (addresses.length === 0) throw new Error(`${host} has no address`)
  if (!addresses.every(isPublicAddress)) throw new ForbiddenAddressError(host)
}

async function queryResolver(
  resolverUrl: string,
  name: string,
  type: 'A' | 'AAAA',
  signal: AbortSignal,
): Promise<string[]> {
  const url = new URL(resolverUrl)
  url.searchParams.set('name', name)
  url.searchParams.set('type', type)
  const response = await fetch(url, { headers: { accept: 'application/dns-json' }, redirect: 'manual', signal })
  const text = await readAtMost(response.body, MAX_ANSWER_BYTES)
  const answer = response.status === 200 ? parseDnsAnswer(text) : null
  if (answer === null) throw new Error(`${name} cannot be resolved: the resolver answered ${response.status}`)
  if (answer.Status !== 0) throw new Error(`${name} cannot be resolved: ${RESPONSE_CODES[answer.Status] ?? 'refused'}`)
  return answer.Answer.filter((record) => record.type === ADDRESS_TYPES[type]).map(({ data }) => data)
}

/** Response codes of RFC 1035 §4.1.1. */
const RESPONSE_CODES: Readonly<Record<number, string>> = {
  2: 'the resolver failed (SERVFAIL)',
  3: 'there is no such name',
}

function parseDnsAnswer(text: string): v.InferOutput<typeof DnsAnswer> | null {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), DnsAnswer), text)
  return parsed.success ? parsed.output : null
}

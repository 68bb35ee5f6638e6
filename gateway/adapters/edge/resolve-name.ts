import * as v from 'valibot'

import { ForbiddenAddressError, isPrivateHost, isPublicAddress } from '../../../shared/safe-url.ts'
import { readAtMost } from './read-at-most.ts'

/** The answer of `application/dns-json`, as Cloudflare's and Google's public resolvers give it. */
const DnsAnswer = v.object({
  Status: v.number(),
  Answer: v.optional(v.array(v.object({ type: v.number(), data: v.string() })), []),
})

/** RFC 1035 §3.2.2 and RFC 3596 §2.1; a resolver lists the aliases (CNAME) that led there as well. */
const ADDRESS_TYPES: Readonly<Record<'A' | 'AAAA', number>> = { A: 1, AAAA: 28 }

/** More than any number of addresses that can be meant. */
const MAX_ANSWER_BYTES = 64 * 1024

/**
 * Refuses a host that is a private address, or a name of which not every address is public: whoever connects afterwards
 * may take any of them. Names are resolved over HTTPS by the resolver at `resolverUrl`. The limit of it: the platform
 * resolves the name once more when it connects, and whoever owns the name may have changed it in between.
 * @throws ForbiddenAddressError, or an Error where the name cannot be resolved
 */
export async function requirePublicHost(host: string, resolverUrl: string, signal: AbortSignal): Promise<void> {
  if (isPrivateHost(host)) throw new ForbiddenAddressError(host)
  if (isPublicAddress(host)) return
  const answers = await Promise.all([ask(resolverUrl, host, 'A', signal), ask(resolverUrl, host, 'AAAA', signal)])
  const addresses = answers.flat()
  if (addresses.length === 0) throw new Error(`${host} has no address`)
  if (!addresses.every(isPublicAddress)) throw new ForbiddenAddressError(host)
}

async function ask(resolverUrl: string, name: string, type: 'A' | 'AAAA', signal: AbortSignal): Promise<string[]> {
  const url = new URL(resolverUrl)
  url.searchParams.set('name', name)
  url.searchParams.set('type', type)
  const response = await fetch(url, { headers: { accept: 'application/dns-json' }, redirect: 'manual', signal })
  const text = await readAtMost(response.body, MAX_ANSWER_BYTES)
  const answer = response.status === 200 ? parse(text) : null
  if (answer === null) throw new Error(`${name} cannot be resolved: the resolver answered ${response.status}`)
  if (answer.Status !== 0) throw new Error(`${name} cannot be resolved: ${RESPONSE_CODES[answer.Status] ?? 'refused'}`)
  return answer.Answer.filter((record) => record.type === ADDRESS_TYPES[type]).map(({ data }) => data)
}

/** RFC 1035 §4.1.1. */
const RESPONSE_CODES: Readonly<Record<number, string>> = {
  2: 'the resolver failed (SERVFAIL)',
  3: 'there is no such name',
}

function parse(text: string): v.InferOutput<typeof DnsAnswer> | null {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), DnsAnswer), text)
  return parsed.success ? parsed.output : null
}

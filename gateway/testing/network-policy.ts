import type { V1LabelSelector, V1NetworkPolicyPeer } from '@kubernetes/client-node'
import ipaddr from 'ipaddr.js'

import type { Wire } from './fake-kubernetes/wire.ts'
import type { Of } from './installation.ts'

type Labels = Readonly<Record<string, string>>

/** One end of a connection: a Pod of some namespace, or an address outside of the cluster. */
export type End = { readonly namespace: string; readonly labels: Labels } | { readonly address: string }

export type Connection = {
  readonly from: End
  readonly to: End
  readonly port: number
  readonly protocol?: 'TCP' | 'UDP'
}

type Policy = Of<'NetworkPolicy'>
type Direction = 'Ingress' | 'Egress'
type Rule = {
  readonly peers: readonly Wire<V1NetworkPolicyPeer>[] | undefined
  readonly ports: readonly { readonly protocol?: string; readonly port?: number | string }[] | undefined
}

/**
 * Whether NetworkPolicies let a connection through: by the rules of both ends' Pods, each of which forbids what no
 * policy allows once any selects the Pod; https://kubernetes.io/docs/concepts/services-networking/network-policies/
 */
export function isAllowed(policies: readonly Policy[], connection: Connection): boolean {
  const { from, to } = connection
  return (
    passes(policies, 'Egress', from, { ...connection, other: to }) &&
    passes(policies, 'Ingress', to, { ...connection, other: from })
  )
}

type Asked = Connection & { readonly other: End }

function passes(policies: readonly Policy[], direction: Direction, end: End, asked: Asked): boolean {
  if ('address' in end) return true
  const selecting = policies.filter(
    ({ metadata, spec }) =>
      metadata.namespace === end.namespace &&
      spec?.policyTypes?.includes(direction) === true &&
      matches(spec.podSelector, end.labels),
  )
  const home = end.namespace
  return (
    selecting.length === 0 ||
    selecting.some((policy) => rulesOf(policy, direction).some((rule) => allows(rule, asked, home)))
  )
}

function rulesOf({ spec }: Policy, direction: Direction): readonly Rule[] {
  // The client's model says `_from`: `from` is a word of another language.
  const ingress = (spec?.ingress ?? []) as readonly { readonly from?: Rule['peers']; readonly ports?: Rule['ports'] }[]
  if (direction === 'Ingress') return ingress.map(({ from, ports }) => ({ peers: from, ports }))
  return (spec?.egress ?? []).map(({ to, ports }) => ({ peers: to, ports }))
}

function allows({ peers, ports }: Rule, { other, port, protocol = 'TCP' }: Asked, home: string): boolean {
  const isPortGiven =
    ports === undefined ||
    ports.some((one) => (one.protocol ?? 'TCP') === protocol && (one.port === undefined || one.port === port))
  return isPortGiven && (peers === undefined || peers.some((peer) => isPeer(peer, other, home)))
}

function isPeer(
  { ipBlock, namespaceSelector, podSelector }: Wire<V1NetworkPolicyPeer>,
  end: End,
  home: string,
): boolean {
  if ('address' in end) return ipBlock !== undefined && isWithin(ipBlock, end.address)
  if (ipBlock !== undefined) return false
  const isNamespace =
    namespaceSelector === undefined
      ? end.namespace === home
      : matches(namespaceSelector, { 'kubernetes.io/metadata.name': end.namespace })
  return isNamespace && (podSelector === undefined || matches(podSelector, end.labels))
}

function isWithin(
  { cidr, except = [] }: { readonly cidr: string; readonly except?: readonly string[] },
  address: string,
): boolean {
  return isInRange(address, cidr) && !except.some((range) => isInRange(address, range))
}

/** Whether an address lies in a range of its own family. */
export function isInRange(address: string, cidr: string): boolean {
  const [ip, [network, bits]] = [ipaddr.parse(address), ipaddr.parseCIDR(cidr)]
  return ip.kind() === network.kind() && ip.match(network, bits)
}

function matches(selector: Wire<V1LabelSelector> | undefined, labels: Labels): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector ?? {}
  return (
    Object.entries(matchLabels).every(([name, value]) => labels[name] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      if (operator !== 'In') throw new Error(`${operator} is not understood here`)
      return values.includes(labels[key] ?? '')
    })
  )
}

import type { V1LabelSelector, V1NetworkPolicyPeer } from '@kubernetes/client-node'
import ipaddr from 'ipaddr.js'

import type { Wire } from '../../gateway/testing/fake-kubernetes/wire.ts'
import type { ManifestOf } from './installation.ts'

type Labels = Readonly<Record<string, string>>

/** One end of a connection: a Pod in a namespace, or an address outside of the cluster. */
export type Endpoint = { readonly namespace: string; readonly labels: Labels } | { readonly address: string }

export type Connection = {
  readonly from: Endpoint
  readonly to: Endpoint
  readonly port: number
  readonly protocol?: 'TCP' | 'UDP'
}

type Policy = ManifestOf<'NetworkPolicy'>
type Direction = 'Ingress' | 'Egress'
type PolicyPort = { readonly protocol?: string; readonly port?: number | string; readonly endPort?: number }
type PolicyRule = {
  readonly peers: readonly Wire<V1NetworkPolicyPeer>[] | undefined
  readonly ports: readonly PolicyPort[] | undefined
}

/**
 * Returns whether NetworkPolicies allow a connection: a policy of the sender's Pod for egress and one of the receiver's
 * for ingress. A Pod that no policy selects is open: https://kubernetes.io/docs/concepts/services-networking/network-policies/
 */
export function isAllowed(policies: readonly Policy[], connection: Connection): boolean {
  const { from, to } = connection
  return (
    isDirectionAllowed(policies, 'Egress', from, { ...connection, peer: to }) &&
    isDirectionAllowed(policies, 'Ingress', to, { ...connection, peer: from })
  )
}

type CheckedConnection = Connection & { readonly peer: Endpoint }

function isDirectionAllowed(
  policies: readonly Policy[],
  direction: Direction,
  pod: Endpoint,
  connection: CheckedConnection,
): boolean {
  if ('address' in pod) return true
  const selecting = policies.filter(
    ({ metadata, spec }) =>
      metadata.namespace === pod.namespace &&
      spec?.policyTypes?.includes(direction) === true &&
      isSelected(spec.podSelector, pod.labels),
  )
  if (selecting.length === 0) return true
  const rules = selecting.flatMap((policy) => listRules(policy, direction))
  return rules.some((rule) => isRuleMatch(rule, connection, pod.namespace))
}

function listRules({ spec }: Policy, direction: Direction): readonly PolicyRule[] {
  if (direction === 'Egress') return (spec?.egress ?? []).map(({ to, ports }) => ({ peers: to, ports }))
  // The client's model calls the field `_from`.
  const ingress = (spec?.ingress ?? []) as readonly {
    readonly from?: PolicyRule['peers']
    readonly ports?: PolicyRule['ports']
  }[]
  return ingress.map(({ from, ports }) => ({ peers: from, ports }))
}

function isRuleMatch({ peers, ports }: PolicyRule, connection: CheckedConnection, namespace: string): boolean {
  const isPort = ports === undefined || ports.some((port) => isPortMatch(port, connection))
  return isPort && (peers === undefined || peers.some((peer) => isPeerMatch(peer, connection.peer, namespace)))
}

function isPortMatch(rule: PolicyPort, { port, protocol = 'TCP' }: CheckedConnection): boolean {
  if ((rule.protocol ?? 'TCP') !== protocol) return false
  if (rule.port === undefined) return true
  return rule.endPort === undefined ? rule.port === port : Number(rule.port) <= port && port <= rule.endPort
}

function isPeerMatch(
  { ipBlock, namespaceSelector, podSelector }: Wire<V1NetworkPolicyPeer>,
  peer: Endpoint,
  policyNamespace: string,
): boolean {
  if ('address' in peer) return ipBlock !== undefined && isInBlock(ipBlock, peer.address)
  if (ipBlock !== undefined) return false
  const isNamespace =
    namespaceSelector === undefined
      ? peer.namespace === policyNamespace
      : isSelected(namespaceSelector, { 'kubernetes.io/metadata.name': peer.namespace })
  return isNamespace && (podSelector === undefined || isSelected(podSelector, peer.labels))
}

function isInBlock(
  { cidr, except = [] }: { readonly cidr: string; readonly except?: readonly string[] },
  address: string,
): boolean {
  return isInRange(address, cidr) && !except.some((range) => isInRange(address, range))
}

/** Returns whether an address lies in a range of its own IP family. */
export function isInRange(address: string, cidr: string): boolean {
  const [ip, [network, bits]] = [ipaddr.parse(address), ipaddr.parseCIDR(cidr)]
  return ip.kind() === network.kind() && ip.match(network, bits)
}

function isSelected(selector: Wire<V1LabelSelector> | undefined, labels: Labels): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector ?? {}
  return (
    Object.entries(matchLabels).every(([name, value]) => labels[name] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const isListed = values.includes(labels[key] ?? '')
      if (operator === 'In') return isListed
      // NotIn matches objects without the label, too.
      if (operator === 'NotIn') return !isListed
      throw new Error(`the operator ${operator} is not supported here`)
    })
  )
}

import type { V1ObjectMeta } from '@kubernetes/client-node'
import { assert, ipV4, ipV6, property } from 'fast-check'
import ipaddr from 'ipaddr.js'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'

import { isPublicAddress } from '../../shared/safe-url.ts'
import { podFor } from '../adapters/kubernetes/pod-spec.ts'
import { ENCODE_ROLE } from '../adapters/kubernetes/testing/encode-role.ts'
import { MONITOR_ROLE } from '../adapters/kubernetes/testing/monitor-role.ts'
import { INSTALLATIONS, readInstallation, readSource, type Of, type Template } from './installation.ts'
import { isAllowed, isInRange, type End } from './network-policy.ts'

const SPEC = { name: 'stream-monitor-a', kind: 'monitor', assignmentId: 'a', env: {} }
const OPTIONS = { namespace: 'tallylight', image: 'worker:1', secret: 'none', owner: null }
const WATCHER = podEnd(podFor(SPEC, MONITOR_ROLE, OPTIONS))
const ENCODER = podEnd(podFor({ ...SPEC, name: 'encode-a-1', kind: 'job' }, ENCODE_ROLE, OPTIONS))
const WORKERS = [
  ['that watch', WATCHER],
  ['that encode', ENCODER],
] as const
const DNS: End = { namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } }
const ANOTHER_OF_THE_SYSTEM: End = { namespace: 'kube-system', labels: { 'k8s-app': 'metrics-server' } }
const PROMETHEUS: End = { namespace: 'monitoring', labels: {} }
const STRANGER: End = { namespace: 'default', labels: { 'app.kubernetes.io/component': 'worker' } }

/** Where no worker has any business: the cluster's own, a company's, clouds' metadata, in both families. */
const PRIVATE = `
  10.0.0.1 10.96.0.1 10.255.255.255 100.64.0.1 127.0.0.1 172.16.0.1 172.31.255.255 192.168.0.1
  169.254.169.254 100.100.100.200 192.0.0.192 168.63.129.16 0.0.0.0 224.0.0.1 255.255.255.255 198.18.0.1
  ::1 fc00::1 fd00:ec2::254 fe80::a9fe:a9fe ff02::1 64:ff9b::a9fe:a9fe 2002:a9fe:a9fe::1 2001::1
  2001:db8::1 ::ffff:10.0.0.1
`
  .trim()
  .split(/\s+/)
const PUBLIC = ['1.1.1.1', '8.8.8.8', '93.184.215.14', '172.15.0.1', '172.32.0.1', '192.169.0.1', '2606:4700::1111']
const PORTS = [22, 53, 80, 443, 1935, 5432, 6443, 8080, 8081, 10_250]

describe.each(INSTALLATIONS)('the network of %s', (folder) => {
  const { all, gateway, migration, templates } = readInstallation(folder)
  const policies = all('NetworkPolicy')
  const gatewayPod = podEnd(gateway.spec?.template)
  const pods = templates.map(podEnd)
  const can = (from: End, to: End, port: number) => isAllowed(policies, { from, to, port })

  describe.each(WORKERS)('lets workers %s', (_what, worker) => {
    test('reach their gateway, and nothing else in the cluster', () => {
      expect(can(worker, gatewayPod, 8081)).toBe(true)
      const others = [...pods, WATCHER, ENCODER, DNS, ANOTHER_OF_THE_SYSTEM, PROMETHEUS, STRANGER]
      const reached = others.flatMap((to) => PORTS.filter((port) => can(worker, to, port)).map((port) => [to, port]))
      expect(reached).toEqual([
        [gatewayPod, 8081],
        [DNS, 53],
      ])
      expect(isAllowed(policies, { from: worker, to: DNS, port: 53, protocol: 'UDP' })).toBe(true)
    })

    test('reach the public internet at any port, as streams, inputs and passive FTP need, and no private address', () => {
      const reachable = (address: string) => PORTS.some((port) => can(worker, { address }, port))
      expect(PUBLIC.filter((address) => !reachable(address))).toEqual([])
      expect(PRIVATE.filter(reachable)).toEqual([])
      expect([21, 990, 8443, 50_000].filter((port) => !can(worker, { address: '1.1.1.1' }, port))).toEqual([])
    })

    test('reach exactly the addresses that the program does not refuse by itself', () => {
      const agrees = (address: string) => {
        expect([address, can(worker, { address }, 443)]).toEqual([address, isPublicAddress(address)])
      }
      for (const { cidr, except = [] } of blocksOf(policies)) [cidr, ...except].flatMap(edgesOf).forEach(agrees)
      assert(property(ipV4(), agrees), { numRuns: 300 })
      assert(property(ipV6(), mappedAside(agrees)), { numRuns: 300 })
    })
  })

  test('can be added the policy of the README, which lets those that encode reach a store of one’s own, and nobody else', () => {
    const added = [...policies, storePolicy()]
    const reaching = (address: string, port: number) =>
      [WATCHER, ENCODER, gatewayPod].filter((from) => isAllowed(added, { from, to: { address }, port }))
    expect(reaching('10.20.30.40', 9000)).toEqual([ENCODER])
    expect([reaching('10.20.30.41', 9000), reaching('10.20.30.40', 22)]).toEqual([[], []])
    expect(isAllowed(added, { from: STRANGER, to: ENCODER, port: 8081 })).toBe(false)
  })

  test('leaves out ranges that lie in what they are left out of, as an API server demands', () => {
    for (const { cidr, except = [] } of blocksOf(policies)) {
      expect(except.filter((range) => !isInRange(range.split('/')[0] ?? '', cidr) || range === cidr)).toEqual([])
      expect(ipaddr.parseCIDR(cidr)[0].toString()).toBe(cidr.split('/')[0])
    }
  })

  test('lets nobody connect to a worker', () => {
    const anyone = [...pods, WATCHER, ENCODER, PROMETHEUS, STRANGER, { address: '1.1.1.1' }, { address: '10.0.0.1' }]
    for (const [, worker] of WORKERS) {
      expect(anyone.filter((from) => [...PORTS, 8081].some((port) => can(from, worker, port)))).toEqual([])
    }
  })

  test('lets the gateway be reached from anywhere, but inside by workers and the monitoring alone', () => {
    const anyone: End[] = [STRANGER, PROMETHEUS, { address: '1.1.1.1' }, { address: '10.0.0.1' }]
    expect(anyone.filter((from) => !can(from, gatewayPod, 8080))).toEqual([])
    expect(anyone.filter((from) => can(from, gatewayPod, 8081))).toEqual([PROMETHEUS])
    expect(PORTS.filter((port) => can(STRANGER, gatewayPod, port))).toEqual([8080])
  })

  test('lets the gateway reach names, its database, the API server and public receivers of webhooks', () => {
    for (const protocol of ['UDP', 'TCP'] as const) {
      expect(isAllowed(policies, { from: gatewayPod, to: DNS, port: 53, protocol })).toBe(true)
    }
    expect(can(gatewayPod, { address: '10.96.0.1' }, 443)).toBe(true)
    expect(can(gatewayPod, { address: '192.168.7.2' }, 6443)).toBe(true)
    expect(can(gatewayPod, { address: '10.1.2.3' }, 5432)).toBe(true)
    expect(can(gatewayPod, { address: '1.1.1.1' }, 8443)).toBe(true)
    const inside = PRIVATE.filter((address) =>
      [22, 80, 8080, 10_250].some((port) => can(gatewayPod, { address }, port)),
    )
    expect(inside).toEqual([])
  })

  test('lets the migration reach names and the database, and nothing else', () => {
    const pod = podEnd(migration.spec?.template)
    expect(PORTS.filter((port) => can(pod, { address: '10.1.2.3' }, port))).toEqual([5432])
    expect(PORTS.filter((port) => can(pod, { address: '1.1.1.1' }, port))).toEqual([5432])
    expect(can(pod, DNS, 53)).toBe(true)
  })

  test('cuts off whatever else runs in the namespace', () => {
    const other: End = { namespace: 'tallylight', labels: { app: 'something' } }
    const peers: End[] = [DNS, STRANGER, gatewayPod, { address: '1.1.1.1' }, { address: '10.0.0.1' }]
    expect(peers.filter((to) => [53, 80, 443, 8081].some((port) => can(other, to, port)))).toEqual([])
    expect(can(STRANGER, other, 80)).toBe(false)
  })
})

test('the Postgres of a small cluster is reached by the gateway and its migration, and reaches nothing', () => {
  const { all, one, gateway, migration } = readInstallation('k8s/overlays/small')
  const postgres = podEnd(one('StatefulSet', 'tallylight-postgres').spec?.template)
  const callers: End[] = [podEnd(gateway.spec?.template), podEnd(migration.spec?.template)]
  const others: End[] = [WATCHER, ENCODER, STRANGER, PROMETHEUS, { address: '10.0.0.1' }]
  // Its own policy alone: what the other end's allows does not count.
  const policies = all('NetworkPolicy').filter(({ metadata }) => metadata.name === 'postgres')
  const reaching = (port: number) =>
    [...callers, ...others].filter((from) => isAllowed(policies, { from, to: postgres, port }))
  expect(reaching(5432)).toEqual(callers)
  expect(PORTS.filter((port) => port !== 5432).flatMap(reaching)).toEqual([])
  const reached = [DNS, STRANGER, { address: '1.1.1.1' }, { address: '10.0.0.1' }].filter((to) =>
    PORTS.some((port) => isAllowed(policies, { from: postgres, to, port })),
  )
  expect(reached).toEqual([])
})

/** The example that the README gives, as an installation would add it. */
function storePolicy(): Of<'NetworkPolicy'> {
  const [, text = ''] = /```yaml\n(apiVersion: networking[\s\S]*?)```/.exec(readSource('README.md')) ?? []
  return parse(text) as Of<'NetworkPolicy'>
}

function podEnd(pod: Pick<Template, 'metadata'> | { readonly metadata?: V1ObjectMeta } | undefined): End {
  return { namespace: 'tallylight', labels: pod?.metadata?.labels ?? {} }
}

type Block = { readonly cidr: string; readonly except?: readonly string[] }

function blocksOf(policies: readonly Of<'NetworkPolicy'>[]): readonly Block[] {
  const peers = policies.flatMap(({ spec }) => (spec?.egress ?? []).flatMap(({ to = [] }) => to))
  return peers.flatMap(({ ipBlock }) => (ipBlock?.except === undefined ? [] : [ipBlock]))
}

/** The first and the last address of a range, and those before and after, where there are any. */
function edgesOf(cidr: string): string[] {
  const [network, bits] = ipaddr.parseCIDR(cidr)
  const size = network.toByteArray().length
  const first = network.toByteArray().reduce((sum, byte) => sum * 256n + BigInt(byte), 0n)
  const last = first + (1n << BigInt(size * 8 - bits)) - 1n
  const isThere = (value: bigint) => value >= 0n && value < 1n << BigInt(size * 8)
  return [first - 1n, first, last, last + 1n].filter(isThere).map((value) => {
    const bytes = Array.from({ length: size }, (_, index) => Number((value >> BigInt(8 * (size - 1 - index))) & 255n))
    return ipaddr.fromByteArray(bytes).toString()
  })
}

/** A mapped address is IPv4 on the wire. */
function mappedAside(check: (address: string) => void): (address: string) => void {
  return (address) => {
    if (ipaddr.process(address).kind() === 'ipv6') check(address)
  }
}

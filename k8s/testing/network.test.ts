import type { V1ObjectMeta } from '@kubernetes/client-node'
import { assert, ipV4, ipV6, property } from 'fast-check'
import ipaddr from 'ipaddr.js'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'

import type { WorkerRole } from '../../gateway/ports/launcher.ts'
import { isPublicAddress } from '../../shared/net/safe-url.ts'
import { buildPod } from '../../gateway/adapters/kubernetes/pod-spec.ts'
import { ENCODE_ROLE, INGEST_ROLE, LIVE_ROLE, MONITOR_ROLE } from '../../gateway/adapters/kubernetes/testing/roles.ts'
import { INSTALLATIONS, readInstallation, readSource, type ManifestOf, type PodTemplate } from './installation.ts'
import { isAllowed, isInRange, type Endpoint } from './network-policy.ts'

const SPEC = { name: 'stream-monitor-a', kind: 'monitor', assignmentId: 'a', env: {} }
const OPTIONS = { namespace: 'tallylight', image: 'worker:1', secret: 'none', owner: null }
const WATCHER = endpointOf(buildPod(SPEC, MONITOR_ROLE, OPTIONS))
const ENCODER = endpointOf(buildPod({ ...SPEC, name: 'encode-a-1', kind: 'job' }, ENCODE_ROLE, OPTIONS))
const INGEST = endpointOf(buildPod({ ...SPEC, name: 'ingest-0', kind: 'ingest' }, INGEST_ROLE, OPTIONS))
const LIVE = endpointOf(buildPod({ ...SPEC, name: 'live-1', kind: 'live' }, LIVE_ROLE, OPTIONS))
/** A kind of worker that no manifest knows. */
const PACKAGER = podOfRole({ ingress: 'public', egress: 'gateway' })
const WORKERS = [
  ['of monitors', WATCHER],
  ['of jobs', ENCODER],
] as const
const DNS: Endpoint = { namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } }
const METRICS_SERVER: Endpoint = { namespace: 'kube-system', labels: { 'k8s-app': 'metrics-server' } }
const PROMETHEUS: Endpoint = { namespace: 'monitoring', labels: {} }
const OUTSIDER: Endpoint = { namespace: 'default', labels: { 'app.kubernetes.io/component': 'worker' } }

/** Addresses that no worker may reach: of clusters, of private networks, of clouds' metadata services, IPv4 and IPv6. */
const PRIVATE = `
  10.0.0.1 10.96.0.1 10.255.255.255 100.64.0.1 127.0.0.1 172.16.0.1 172.31.255.255 192.168.0.1
  169.254.169.254 100.100.100.200 192.0.0.192 168.63.129.16 0.0.0.0 224.0.0.1 255.255.255.255 198.18.0.1
  ::1 fc00::1 fd00:ec2::254 fe80::a9fe:a9fe ff02::1 64:ff9b::a9fe:a9fe 2002:a9fe:a9fe::1 2001::1
  2001:db8::1 ::ffff:10.0.0.1
`
  .trim()
  .split(/\s+/)
const PUBLIC = ['1.1.1.1', '8.8.8.8', '93.184.215.14', '172.15.0.1', '172.32.0.1', '192.169.0.1', '2606:4700::1111']
const PORTS = [22, 53, 80, 443, 1935, 1936, 5432, 6443, 8080, 8081, 8082, 10_250]

describe.each(INSTALLATIONS)('the network of %s', (folder) => {
  const { all, gateway, migration, templates } = readInstallation(folder)
  const policies = all('NetworkPolicy')
  const gatewayPod = endpointOf(gateway.spec?.template)
  const pods = templates.map(endpointOf)
  const can = (from: Endpoint, to: Endpoint, port: number) => isAllowed(policies, { from, to, port })

  describe.each(WORKERS)('lets workers %s', (_what, worker) => {
    test('reach their gateway and DNS, and nothing else in the cluster', () => {
      expect(can(worker, gatewayPod, 8081)).toBe(true)
      const others = [...pods, WATCHER, ENCODER, LIVE, DNS, METRICS_SERVER, PROMETHEUS, OUTSIDER]
      const reached = others.flatMap((to) => PORTS.filter((port) => can(worker, to, port)).map((port) => [to, port]))
      expect(reached).toEqual([
        [gatewayPod, 8081],
        [DNS, 53],
      ])
      expect(isAllowed(policies, { from: worker, to: DNS, port: 53, protocol: 'UDP' })).toBe(true)
    })

    test('reach public addresses on every port, which passive FTP needs, and no private address', () => {
      const reachable = (address: string) => PORTS.some((port) => can(worker, { address }, port))
      expect(PUBLIC.filter((address) => !reachable(address))).toEqual([])
      expect(PRIVATE.filter(reachable)).toEqual([])
      expect([21, 990, 8443, 50_000].filter((port) => !can(worker, { address: '1.1.1.1' }, port))).toEqual([])
    })

    test('reach exactly the addresses that the worker program accepts', () => {
      const agrees = (address: string) => {
        expect([address, can(worker, { address }, 443)]).toEqual([address, isPublicAddress(address)])
      }
      for (const { cidr, except = [] } of blocksOf(policies)) [cidr, ...except].flatMap(edgesOf).forEach(agrees)
      assert(property(ipV4(), agrees), { numRuns: 300 })
      assert(property(ipV6(), skipMapped(agrees)), { numRuns: 300 })
    })
  })

  test('can be extended by the policy in k8s/README.md, which lets only encoding workers reach a private store', () => {
    const added = [...policies, storePolicy()]
    const reaching = (address: string, port: number) =>
      [WATCHER, ENCODER, gatewayPod].filter((from) => isAllowed(added, { from, to: { address }, port }))
    expect(reaching('10.20.30.40', 9000)).toEqual([ENCODER])
    expect([reaching('10.20.30.41', 9000), reaching('10.20.30.40', 22)]).toEqual([[], []])
    expect(isAllowed(added, { from: OUTSIDER, to: ENCODER, port: 8081 })).toBe(false)
  })

  test('excludes only ranges that lie within their block, as an API server requires', () => {
    for (const { cidr, except = [] } of blocksOf(policies)) {
      expect(except.filter((range) => !isInRange(range.split('/')[0] ?? '', cidr) || range === cidr)).toEqual([])
      expect(ipaddr.parseCIDR(cidr)[0].toString()).toBe(cidr.split('/')[0])
    }
  })

  test('lets no client connect to the workers of monitors and jobs', () => {
    const clients = [...pods, WATCHER, ENCODER, PROMETHEUS, OUTSIDER, { address: '1.1.1.1' }, { address: '10.0.0.1' }]
    for (const [, worker] of WORKERS) {
      expect(clients.filter((from) => [...PORTS, 8081].some((port) => can(from, worker, port)))).toEqual([])
    }
  })

  test('lets every client connect to workers with public ingress, on all ports but those of probes and of peers', () => {
    const clients: Endpoint[] = [OUTSIDER, { address: '1.1.1.1' }, { address: '10.0.0.1' }]
    for (const from of clients) {
      expect([...PORTS, 1, 65_535].filter((port) => !can(from, PACKAGER, port))).toEqual([8081, 8082])
    }
  })

  test('lets only the gateway connect to workers with ingress from the cluster, on the port of peers', () => {
    const worker = podOfRole({ ingress: 'cluster', egress: 'gateway' })
    expect(PORTS.filter((port) => can(gatewayPod, worker, port))).toEqual([8082])
    const others = [...pods.filter((pod) => pod !== gatewayPod), WATCHER, ENCODER, INGEST, LIVE, PROMETHEUS, OUTSIDER]
    const addresses = [{ address: '1.1.1.1' }, { address: '10.0.0.1' }]
    const reaching = [...others, ...addresses].filter((from) => PORTS.some((port) => can(from, worker, port)))
    expect(reaching.filter((from) => !isSame(from, gatewayPod))).toEqual([])
  })

  test('lets encoders and browsers publish from anywhere; only broadcasts and gateways reach the port of peers', () => {
    expect(PORTS.filter((port) => can({ address: '1.1.1.1' }, INGEST, port))).toEqual(
      PORTS.filter((port) => port !== 8081 && port !== 8082),
    )
    const isAnswered = (port: number) =>
      isAllowed(policies, { from: { address: '1.1.1.1' }, to: INGEST, port, protocol: 'UDP' })
    expect([53, 1935, 8081, 8082, 8189].filter(isAnswered)).toEqual([8189])
    for (const from of [LIVE, gatewayPod]) expect(can(from, INGEST, 8082)).toBe(true)
    const others = [...pods, WATCHER, ENCODER, INGEST, PROMETHEUS, OUTSIDER, { address: '10.0.0.1' }]
    expect(others.filter((from) => can(from, INGEST, 8082) && !isSame(from, gatewayPod))).toEqual([])
  })

  test('lets the workers of broadcasts reach the ingest, the gateway, DNS and stores, and only gateways reach them', () => {
    expect([can(LIVE, gatewayPod, 8081), can(LIVE, DNS, 53), can(LIVE, { address: '1.1.1.1' }, 443)]).toEqual([
      true,
      true,
      true,
    ])
    expect(can(LIVE, { address: '10.0.0.1' }, 443)).toBe(false)
    expect(PORTS.filter((port) => can(gatewayPod, LIVE, port))).toEqual([8082])
    const others = [WATCHER, ENCODER, INGEST, LIVE, PROMETHEUS, OUTSIDER, { address: '1.1.1.1' }]
    expect(others.filter((from) => PORTS.some((port) => can(from, LIVE, port)))).toEqual([])
  })

  test('lets the ingest reach the gateway and DNS, and nothing else', () => {
    const reached = [...pods, WATCHER, ENCODER, LIVE, INGEST, METRICS_SERVER, OUTSIDER, { address: '1.1.1.1' }].flatMap(
      (to) => PORTS.filter((port) => can(INGEST, to, port)).map((port) => [to, port]),
    )
    expect(reached).toEqual([[gatewayPod, 8081]])
    expect(can(INGEST, DNS, 53)).toBe(true)
  })

  test('lets workers with egress to the gateway reach the gateway and DNS, and nothing else', () => {
    expect(can(PACKAGER, gatewayPod, 8081)).toBe(true)
    expect(can(PACKAGER, DNS, 53)).toBe(true)
    const others: Endpoint[] = [WATCHER, ENCODER, METRICS_SERVER, PROMETHEUS, OUTSIDER]
    const addresses = [...PUBLIC, ...PRIVATE].map((address) => ({ address }))
    expect([...others, ...addresses].filter((to) => PORTS.some((port) => can(PACKAGER, to, port)))).toEqual([])
  })

  test('lets workers of any kind reach public addresses if they need the internet', () => {
    const worker = podOfRole({ ingress: 'none', egress: 'internet' })
    expect(PUBLIC.filter((address) => !can(worker, { address }, 443))).toEqual([])
    expect(PRIVATE.filter((address) => can(worker, { address }, 443))).toEqual([])
  })

  test('keeps the access of workers that an older gateway has launched without labels for it', () => {
    const labels = {
      app: 'stream-monitor',
      'app.kubernetes.io/component': 'worker',
      'app.kubernetes.io/part-of': 'tallylight',
    }
    const worker: Endpoint = { namespace: 'tallylight', labels }
    expect(can(worker, gatewayPod, 8081)).toBe(true)
    expect(PUBLIC.filter((address) => !can(worker, { address }, 443))).toEqual([])
    const clients: Endpoint[] = [OUTSIDER, { address: '1.1.1.1' }]
    expect(clients.filter((from) => PORTS.some((port) => can(from, worker, port)))).toEqual([])
  })

  test('lets all clients reach the API of the gateway, but only workers and the monitoring its internal port', () => {
    const clients: Endpoint[] = [OUTSIDER, PROMETHEUS, { address: '1.1.1.1' }, { address: '10.0.0.1' }]
    expect(clients.filter((from) => !can(from, gatewayPod, 8080))).toEqual([])
    expect(clients.filter((from) => can(from, gatewayPod, 8081))).toEqual([PROMETHEUS])
    expect(PORTS.filter((port) => can(OUTSIDER, gatewayPod, port))).toEqual([8080])
  })

  test('lets the gateway reach DNS, its database, the API server and public receivers of webhooks', () => {
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

  test('lets the migration reach DNS and the database, and nothing else', () => {
    const pod = endpointOf(migration.spec?.template)
    expect(PORTS.filter((port) => can(pod, { address: '10.1.2.3' }, port))).toEqual([5432])
    expect(PORTS.filter((port) => can(pod, { address: '1.1.1.1' }, port))).toEqual([5432])
    expect(can(pod, DNS, 53)).toBe(true)
  })

  test('isolates every other Pod of the namespace', () => {
    const other: Endpoint = { namespace: 'tallylight', labels: { app: 'something' } }
    const peers: Endpoint[] = [DNS, OUTSIDER, gatewayPod, { address: '1.1.1.1' }, { address: '10.0.0.1' }]
    expect(peers.filter((to) => [53, 80, 443, 8081].some((port) => can(other, to, port)))).toEqual([])
    expect(can(OUTSIDER, other, 80)).toBe(false)
  })
})

test('the Postgres of a small cluster is reachable for the gateway and the migration only, and reaches nothing', () => {
  const { all, one, gateway, migration } = readInstallation('k8s/overlays/small')
  const postgres = endpointOf(one('StatefulSet', 'tallylight-postgres').spec?.template)
  const callers: Endpoint[] = [endpointOf(gateway.spec?.template), endpointOf(migration.spec?.template)]
  const others: Endpoint[] = [WATCHER, ENCODER, OUTSIDER, PROMETHEUS, { address: '10.0.0.1' }]
  // Its own policy alone, so that the policies of the callers do not hide a gap.
  const policies = all('NetworkPolicy').filter(({ metadata }) => metadata.name === 'postgres')
  const reaching = (port: number) =>
    [...callers, ...others].filter((from) => isAllowed(policies, { from, to: postgres, port }))
  expect(reaching(5432)).toEqual(callers)
  expect(PORTS.filter((port) => port !== 5432).flatMap(reaching)).toEqual([])
  const reached = [DNS, OUTSIDER, { address: '1.1.1.1' }, { address: '10.0.0.1' }].filter((to) =>
    PORTS.some((port) => isAllowed(policies, { from: postgres, to, port })),
  )
  expect(reached).toEqual([])
})

function isSame(one: Endpoint, other: Endpoint): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

/** Returns the example policy in k8s/README.md. */
function storePolicy(): ManifestOf<'NetworkPolicy'> {
  const [, text = ''] = /```yaml\n(apiVersion: networking[\s\S]*?)```/.exec(readSource('k8s/README.md')) ?? []
  return parse(text) as ManifestOf<'NetworkPolicy'>
}

/** Returns a Pod of a kind of worker with this network access. */
function podOfRole(network: WorkerRole['network']): Endpoint {
  const role = { ...MONITOR_ROLE, kind: 'package', app: 'package', idLabel: 'channel-id', network }
  return endpointOf(buildPod({ ...SPEC, kind: 'package' }, role, OPTIONS))
}

function endpointOf(pod: Pick<PodTemplate, 'metadata'> | { readonly metadata?: V1ObjectMeta } | undefined): Endpoint {
  return { namespace: 'tallylight', labels: pod?.metadata?.labels ?? {} }
}

type Block = { readonly cidr: string; readonly except?: readonly string[] }

function blocksOf(policies: readonly ManifestOf<'NetworkPolicy'>[]): readonly Block[] {
  const peers = policies.flatMap(({ spec }) => (spec?.egress ?? []).flatMap(({ to = [] }) => to))
  return peers.flatMap(({ ipBlock }) => (ipBlock?.except === undefined ? [] : [ipBlock]))
}

/** Returns the first and the last address of a range, and their neighbours outside of it. */
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

/** Returns a check that skips IPv4-mapped addresses, which are IPv4 on the wire. */
function skipMapped(check: (address: string) => void): (address: string) => void {
  return (address) => {
    if (ipaddr.process(address).kind() === 'ipv6') check(address)
  }
}

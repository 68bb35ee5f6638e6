import { describe, expect, test, vi } from 'vitest'

import { LaunchRefused, LauncherUnavailable } from '../../ports/launcher.ts'
import { createPodClient } from './pod-client.ts'
import { RECORDED_FAILURES } from './testing/recorded-responses.ts'
import { sendJson, startScriptedServer } from './testing/scripted-server.ts'
import { findFreePort } from '../../../shared/testing/free-port.ts'
import { WAIT } from '../../../shared/testing/until.ts'

const POD = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } }
const MINIMAL_POD = { metadata: { name: 'a', uid: 'u' } }

function createClient(server: string, token: () => Promise<string | null> = async () => 'secret') {
  return createPodClient({ server, getToken: token, fetch, namespace: 'tallylight' })
}

/** Starts a server that answers with `respond`, and creates a client for it. */
async function createClientWith(
  respond: Parameters<typeof startScriptedServer>[0],
  token?: () => Promise<string | null>,
) {
  const server = await startScriptedServer(respond)
  return { client: createClient(server.url, token), calls: server.calls }
}

async function catchError(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => null,
    (error: unknown) => error,
  )
}

describe('each call', () => {
  test('has the path, the query and the body of the API, and is authorised', async () => {
    const { client, calls } = await createClientWith(({ path }, response) => {
      sendJson(response, path.endsWith('/pods') ? { metadata: { resourceVersion: '7' }, items: [] } : MINIMAL_POD)
    })
    await client.create(POD)
    await client.get('a')
    await client.list({ selector: 'app in (a,b)', limit: 1 })
    await client.delete('a', { gracePeriodSec: 5, uid: 'u' })
    await client.delete('a', { gracePeriodSec: 1 })
    await client.getLog('a', 20)
    expect(await client.getDeploymentUid('gateway')).toBe('u')
    const pods = '/api/v1/namespaces/tallylight/pods'
    expect(calls.map(({ method, path, query, body }) => [method, path, String(query), body])).toEqual([
      ['POST', pods, '', JSON.stringify(POD)],
      ['GET', `${pods}/a`, '', ''],
      ['GET', pods, 'labelSelector=app+in+%28a%2Cb%29&limit=1', ''],
      ['DELETE', `${pods}/a`, '', '{"gracePeriodSeconds":5,"preconditions":{"uid":"u"}}'],
      ['DELETE', `${pods}/a`, '', '{"gracePeriodSeconds":1}'],
      ['GET', `${pods}/a/log`, 'tailLines=20&limitBytes=65536', ''],
      ['GET', '/apis/apps/v1/namespaces/tallylight/deployments/gateway', '', ''],
    ])
    for (const { headers } of calls)
      expect(headers).toMatchObject({ authorization: 'Bearer secret', accept: 'application/json' })
  })

  test('has no token if the connection itself authenticates', async () => {
    const { client, calls } = await createClientWith(
      (_call, response) => sendJson(response, MINIMAL_POD),
      async () => null,
    )
    await client.get('a')
    expect(calls[0]?.headers).not.toHaveProperty('authorization')
  })

  test('is repeated once with a new token if the server refuses the old one', async () => {
    let token = 'old'
    const { client, calls } = await createClientWith(
      ({ headers }, response) => {
        token = headers.authorization === 'Bearer old' ? 'new' : token
        sendJson(response, MINIMAL_POD, headers.authorization === 'Bearer old' ? 401 : 200)
      },
      async () => token,
    )
    expect(await client.get('a')).toMatchObject({ pod: MINIMAL_POD })
    expect(calls).toHaveLength(2)
  })

  test('waits while ten others are in progress, unless it is urgent', async () => {
    const held: (() => void)[] = []
    const { client, calls } = await createClientWith(({ method }, response) => {
      const answer = () =>
        sendJson(response, { ...MINIMAL_POD, metadata: { ...MINIMAL_POD.metadata, resourceVersion: '1' }, items: [] })
      if (method === 'DELETE') held.push(answer)
      else answer()
    })
    const removals = Promise.all(Array.from({ length: 25 }, () => client.delete('a', { gracePeriodSec: 1 })))
    await vi.waitFor(() => expect(held).toHaveLength(10), WAIT)
    await client.list({ selector: 'app=a', urgentTimeoutMs: 5000 })
    expect(calls).toHaveLength(11)
    while (calls.length < 26 || held.length > 0) {
      held.shift()?.()
      await new Promise((resolve) => setImmediate(resolve))
      expect(held.length).toBeLessThanOrEqual(10)
    }
    await removals
  })
})

describe('a failed call', () => {
  const refusals: Readonly<Record<string, string>> = {
    'invalid name: 422': 'Invalid',
    'invalid spec: 422': 'Invalid',
    'unknown field with strict validation: 400': 'BadRequest',
    'other namespace: 403': 'Forbidden',
    'secrets: 403': 'Forbidden',
    'no token: 401 or anonymous 403': 'Forbidden',
    'over quota: 403': 'ExceededQuota',
    'against Pod Security restricted: 403': 'PodSecurity',
    'namespace that does not exist: 404 or 403': 'Forbidden',
    'delete when gone: 404': 'NotFound',
    'get when gone: 404': 'NotFound',
  }
  const unavailable = [
    'bad token: 401',
    'list at a compacted resourceVersion (Exact): 410',
    'continue token that is not one: 400',
  ]
  const existing = ['create again: 409', 'create while the old one terminates: 409']

  test('is covered here for every recorded failure', () => {
    const names = [...Object.keys(refusals), ...unavailable, ...existing]
    expect(names.toSorted()).toEqual(RECORDED_FAILURES.map(({ name }) => name).toSorted())
  })

  /** Returns the outcome of a creation that is answered with a recorded response. */
  async function outcomeOf({ status, body }: (typeof RECORDED_FAILURES)[number]): Promise<unknown> {
    const { client } = await createClientWith((_call, response) => sendJson(response, body, status))
    return client.create(POD).catch((error: unknown) => error)
  }

  const named = (names: readonly string[]) => RECORDED_FAILURES.filter(({ name }) => names.includes(name))

  test.each(named(Object.keys(refusals)))('is refused with the reason of the response: $name', async (failed) => {
    const refusal = await outcomeOf(failed)
    expect(refusal).toBeInstanceOf(LaunchRefused)
    const message = `the API server answered ${failed.status}: ${failed.body.message.slice(0, 1000)}`
    expect(refusal).toMatchObject({ reason: refusals[failed.name], message })
  })

  test.each(named(unavailable))('is unavailable: $name', async (failed) => {
    expect(await outcomeOf(failed)).toBeInstanceOf(LauncherUnavailable)
  })

  test.each(named(existing))('reports an existing Pod: $name', async (failed) => {
    expect(await outcomeOf(failed)).toBe('exists')
  })

  test('with 404 means that the Pod is gone: nothing to get, to delete or to log', async () => {
    const gone = RECORDED_FAILURES.find(({ status }) => status === 404)
    const { client } = await createClientWith((_call, response) => sendJson(response, gone?.body, 404))
    expect(await client.get('a')).toBeNull()
    await client.delete('a', { gracePeriodSec: 1 })
    expect(await client.getLog('a', 1)).toBeNull()
  })

  test('with 409 is a success for a deletion by uid, and unavailable for any other call', async () => {
    const body = { kind: 'Status', reason: 'Conflict', message: 'the UID in the precondition is another' }
    const { client } = await createClientWith((_call, response) => sendJson(response, body, 409))
    await client.delete('a', { gracePeriodSec: 1, uid: 'u' })
    await expect(client.delete('a', { gracePeriodSec: 1 })).rejects.toThrow(LauncherUnavailable)
    await expect(client.create(POD)).rejects.toThrow(LauncherUnavailable)
  })

  test.each([429, 500, 503, 504])('with %i is unavailable, with the Retry-After of the server', async (status) => {
    const { client } = await createClientWith((_call, response) => {
      response.writeHead(status, { 'retry-after': '7' }).end('<html>busy</html>')
    })
    const error = await catchError(client.create(POD))
    expect(error).toBeInstanceOf(LauncherUnavailable)
    expect(error).toMatchObject({ retryAfterMs: 7000, message: expect.stringContaining('<html>busy') as string })
  })

  test.each([
    ['a redirect', 302, ''],
    ['an HTML page', 200, '<html>sign in</html>'],
    ['another kind of object', 200, '{"kind":"PodList"}'],
    ['a Pod without a name', 200, '{"metadata":{}}'],
  ])('with %s in place of the expected response is unavailable', async (_what, status, text) => {
    const { client } = await createClientWith((_call, response) =>
      response.writeHead(status, { location: '/login' }).end(text),
    )
    await expect(client.get('a')).rejects.toThrow(LauncherUnavailable)
    await expect(client.list({ selector: 'a' })).rejects.toThrow(LauncherUnavailable)
  })

  test('to a closed port is unavailable', async () => {
    const port = await findFreePort()
    await expect(createClient(`http://127.0.0.1:${port}`).get('a')).rejects.toThrow(
      /^the API server cannot be reached: .*(?:ECONNREFUSED|refused)/,
    )
  })

  test('without a readable token is unavailable, and sends nothing', async () => {
    const { client, calls } = await createClientWith(
      (_call, response) => sendJson(response, MINIMAL_POD),
      async () => {
        throw new Error('the plugin failed')
      },
    )
    await expect(client.get('a')).rejects.toThrow('the API server cannot be reached: the plugin failed')
    expect(calls).toEqual([])
  })
})

describe('every wait is bounded', () => {
  const waits: readonly [string, Parameters<typeof startScriptedServer>[0]][] = [
    ['that never answers', () => undefined],
    ['that never ends its response', (_call, response) => response.writeHead(200).write('{')],
  ]

  test.each(waits)('with a server %s', async (_what, answer) => {
    const { client } = await createClientWith(answer)
    const error = await catchError(client.list({ selector: 'a', urgentTimeoutMs: 200 }))
    expect(error).toBeInstanceOf(LauncherUnavailable)
    expect(error).toMatchObject({ message: 'the API server cannot be reached: nothing received within 200 ms' })
  })

  test.each(waits)('by the signal of the caller, with a server %s', async (_what, answer) => {
    const { client, calls } = await createClientWith(answer)
    const caller = new AbortController()
    const listing = client.list({ selector: 'a', signal: caller.signal })
    await vi.waitFor(() => expect(calls).toHaveLength(1), WAIT)
    caller.abort(new Error('enough'))
    await expect(listing).rejects.toThrow('enough')
  })

  test('with a token that never arrives', async () => {
    const { client } = await createClientWith(
      () => undefined,
      () => new Promise<string>(() => {}),
    )
    await expect(client.list({ selector: 'a', urgentTimeoutMs: 200 })).rejects.toThrow('nothing received within 200 ms')
  })

  test('with a response that is too long', async () => {
    const { client } = await createClientWith((_call, response) => {
      const write = () => {
        while (!response.destroyed && response.write(' '.repeat(1024 * 1024)));
      }
      response.on('drain', write).writeHead(200)
      write()
    })
    await expect(client.get('a')).rejects.toThrow('the response is longer than 8388608 bytes')
  })
})

describe('a list', () => {
  test("names the items that are no Pods and returns the others, with the server's time", async () => {
    const items = [MINIMAL_POD, { metadata: { name: 'b' } }, null, { ...MINIMAL_POD, status: { phase: 1 } }]
    const { client } = await createClientWith((_call, response) => {
      response.writeHead(200, { date: 'Sun, 22 Nov 2026 00:31:09 GMT' })
      response.end(JSON.stringify({ metadata: { resourceVersion: '7' }, items }))
    })
    expect(await client.list({ selector: 'a' })).toMatchObject({
      pods: [MINIMAL_POD],
      unreadable: ['b', '?', 'a'],
      resourceVersion: '7',
      serverTimeMs: Date.parse('2026-11-22T00:31:09Z'),
    })
  })

  test.each(['f:status', 'k:{"note":"a]b"}'])('is read without its managed fields, such as %s', async (field) => {
    const labels = { note: 'x"managedFields":[1,2]y' }
    const metadata = { name: 'a', uid: 'u', managedFields: [{ fieldsV1: { [field]: {} } }], labels }
    const list = { metadata: { resourceVersion: '7' }, items: [{ metadata }] }
    const { client } = await createClientWith((_call, response) => sendJson(response, list))
    const { pods } = await client.list({ selector: 'app=stream-monitor' })
    expect(pods.map((pod) => pod.metadata)).toEqual([{ name: 'a', uid: 'u', labels }])
  })

  test('is decoded correctly wherever its chunks are cut', async () => {
    const labels = { note: 'žluťoučký 🐎' }
    const text = JSON.stringify({
      metadata: { resourceVersion: '7' },
      items: [{ metadata: { name: 'a', uid: 'u', labels } }],
    })
    const { client } = await createClientWith((_call, response) => {
      const bytes = Buffer.from(text)
      let at = 0
      const next = () => {
        if (at === bytes.length) response.end()
        else response.write(bytes.subarray(at, ++at), () => setImmediate(next))
      }
      response.writeHead(200).flushHeaders()
      next()
    })
    expect((await client.list({ selector: 'a' })).pods[0]?.metadata.labels).toEqual(labels)
  })
})

import { createServer } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'

import { describe, expect, test, vi } from 'vitest'

import { LaunchRefused, LauncherUnavailable } from '../../workers/launcher.ts'
import { createPodClient } from './client.ts'
import { recordedFailures } from './testing/recorded-answers.ts'
import { sendJson, startScriptedServer } from './testing/scripted-server.ts'

const POD = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } }
const SEEN = { metadata: { name: 'a', uid: 'u' } }

function clientOf(server: string, token: () => Promise<string | null> = async () => 'secret') {
  return createPodClient({ server, token, fetch, namespace: 'tallylight' })
}

/** A client of a server that answers each call in this way. */
async function clientWith(answer: Parameters<typeof startScriptedServer>[0], token?: () => Promise<string | null>) {
  const server = await startScriptedServer(answer)
  return { client: clientOf(server.url, token), calls: server.calls }
}

async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => null,
    (error: unknown) => error,
  )
}

describe('each call', () => {
  test('goes where the API has it, authorised, and as JSON', async () => {
    const { client, calls } = await clientWith(({ path }, response) => {
      sendJson(response, path.endsWith('/pods') ? { metadata: { resourceVersion: '7' }, items: [] } : SEEN)
    })
    await client.create(POD)
    await client.get('a')
    await client.list({ selector: 'app in (a,b)', limit: 1 })
    await client.remove('a', { graceSec: 5, uid: 'u' })
    await client.remove('a', { graceSec: 1 })
    await client.log('a', 20)
    expect(await client.deploymentUid('gateway')).toBe('u')
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

  test('goes without a token where the connection says who we are', async () => {
    const { client, calls } = await clientWith(
      (_call, response) => sendJson(response, SEEN),
      async () => null,
    )
    await client.get('a')
    expect(calls[0]?.headers).not.toHaveProperty('authorization')
  })

  test('asks for a new token where the server takes the old one no more, and tries that once', async () => {
    let token = 'old'
    const { client, calls } = await clientWith(
      ({ headers }, response) => {
        token = headers.authorization === 'Bearer old' ? 'new' : token
        sendJson(response, SEEN, headers.authorization === 'Bearer old' ? 401 : 200)
      },
      async () => token,
    )
    expect(await client.get('a')).toMatchObject({ pod: SEEN })
    expect(calls).toHaveLength(2)
  })

  test('is one of ten at a time, but for one that is urgent', async () => {
    const held: (() => void)[] = []
    const { client, calls } = await clientWith(({ method }, response) => {
      const answer = () =>
        sendJson(response, { ...SEEN, metadata: { ...SEEN.metadata, resourceVersion: '1' }, items: [] })
      if (method === 'DELETE') held.push(answer)
      else answer()
    })
    const removals = Promise.all(Array.from({ length: 25 }, () => client.remove('a', { graceSec: 1 })))
    await vi.waitFor(() => expect(held).toHaveLength(10))
    await client.list({ selector: 'app=a', urgentWithinMs: 5000 })
    expect(calls).toHaveLength(11)
    while (calls.length < 26 || held.length > 0) {
      held.shift()?.()
      await new Promise((resolve) => setImmediate(resolve))
      expect(held.length).toBeLessThanOrEqual(10)
    }
    await removals
  })
})

describe('what cannot be had', () => {
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

  test('no recorded failure is left out here', () => {
    const names = [...Object.keys(refusals), ...unavailable, ...existing]
    expect(names.toSorted()).toEqual(recordedFailures.map(({ name }) => name).toSorted())
  })

  /** What becomes of a creation that a real server answered in the recorded way. */
  async function outcomeOf({ status, body }: (typeof recordedFailures)[number]): Promise<unknown> {
    const { client } = await clientWith((_call, response) => sendJson(response, body, status))
    return client.create(POD).catch((error: unknown) => error)
  }

  const named = (names: readonly string[]) => recordedFailures.filter(({ name }) => names.includes(name))

  test.each(named(Object.keys(refusals)))('is refused with its reason: $name', async (failed) => {
    const refusal = await outcomeOf(failed)
    expect(refusal).toBeInstanceOf(LaunchRefused)
    const message = `the API server answered ${failed.status}: ${failed.body.message.slice(0, 1000)}`
    expect(refusal).toMatchObject({ reason: refusals[failed.name], message })
  })

  test.each(named(unavailable))('is worth trying again: $name', async (failed) => {
    expect(await outcomeOf(failed)).toBeInstanceOf(LauncherUnavailable)
  })

  test.each(named(existing))('is there already: $name', async (failed) => {
    expect(await outcomeOf(failed)).toBe('exists')
  })

  test('a Pod that is gone is none, and its deletion done', async () => {
    const gone = recordedFailures.find(({ status }) => status === 404)
    const { client } = await clientWith((_call, response) => sendJson(response, gone?.body, 404))
    expect(await client.get('a')).toBeNull()
    await client.remove('a', { graceSec: 1 })
    expect(await client.log('a', 1)).toBeNull()
  })

  test('a deletion that means another Pod is done, and one that conflicts otherwise is to be tried again', async () => {
    const body = { kind: 'Status', reason: 'Conflict', message: 'the UID in the precondition is another' }
    const { client } = await clientWith((_call, response) => sendJson(response, body, 409))
    await client.remove('a', { graceSec: 1, uid: 'u' })
    await expect(client.remove('a', { graceSec: 1 })).rejects.toThrow(LauncherUnavailable)
    await expect(client.create(POD)).rejects.toThrow(LauncherUnavailable)
  })

  test.each([429, 500, 503, 504])('%i is to be tried again, after as long as the server asks for', async (status) => {
    const { client } = await clientWith((_call, response) => {
      response.writeHead(status, { 'retry-after': '7' }).end('<html>busy</html>')
    })
    const error = await failure(client.create(POD))
    expect(error).toBeInstanceOf(LauncherUnavailable)
    expect(error).toMatchObject({ retryAfterMs: 7000, message: expect.stringContaining('<html>busy') as string })
  })

  test.each([
    ['a redirect', 302, ''],
    ['a page in place of an answer', 200, '<html>sign in</html>'],
    ['an answer to something else', 200, '{"kind":"PodList"}'],
    ['a Pod without a name', 200, '{"metadata":{}}'],
  ])('%s is no API server', async (_what, status, text) => {
    const { client } = await clientWith((_call, response) =>
      response.writeHead(status, { location: '/login' }).end(text),
    )
    await expect(client.get('a')).rejects.toThrow(LauncherUnavailable)
    await expect(client.list({ selector: 'a' })).rejects.toThrow(LauncherUnavailable)
  })

  test('a server that is not there is to be tried again', async () => {
    const port = await closedPort()
    await expect(clientOf(`http://127.0.0.1:${port}`).get('a')).rejects.toThrow(
      /^the API server cannot be reached: .*(?:ECONNREFUSED|refused)/,
    )
  })

  test('a token that cannot be had is told, and no call is made without it', async () => {
    const { client, calls } = await clientWith(
      (_call, response) => sendJson(response, SEEN),
      async () => {
        throw new Error('the plug-in failed')
      },
    )
    await expect(client.get('a')).rejects.toThrow('the API server cannot be reached: the plug-in failed')
    expect(calls).toEqual([])
  })
})

describe('every wait has its end', () => {
  const waits: readonly [string, Parameters<typeof startScriptedServer>[0]][] = [
    ['that never answers', () => undefined],
    ['that never ends its answer', (_call, response) => response.writeHead(200).write('{')],
  ]

  test.each(waits)('with a server %s', async (_what, answer) => {
    const { client } = await clientWith(answer)
    const error = await failure(client.list({ selector: 'a', urgentWithinMs: 200 }))
    expect(error).toBeInstanceOf(LauncherUnavailable)
    expect(error).toMatchObject({ message: 'the API server cannot be reached: nothing came within 200 ms' })
  })

  test.each(waits)('when the caller leaves, with a server %s', async (_what, answer) => {
    const { client, calls } = await clientWith(answer)
    const leaving = new AbortController()
    const listing = client.list({ selector: 'a', signal: leaving.signal })
    await vi.waitFor(() => expect(calls).toHaveLength(1))
    leaving.abort(new Error('enough'))
    await expect(listing).rejects.toThrow('enough')
  })

  test('with a token that never comes', async () => {
    const { client } = await clientWith(
      () => undefined,
      () => new Promise<string>(() => {}),
    )
    await expect(client.list({ selector: 'a', urgentWithinMs: 200 })).rejects.toThrow('nothing came within 200 ms')
  })

  test('with an answer that is too long', async () => {
    const { client } = await clientWith((_call, response) => {
      const write = () => {
        while (!response.destroyed && response.write(' '.repeat(1024 * 1024)));
      }
      response.on('drain', write).writeHead(200)
      write()
    })
    await expect(client.get('a')).rejects.toThrow('it answered with more than 8388608 bytes')
  })
})

describe('a list', () => {
  test("leaves out what is no Pod, by name, and goes on; its time is the server's", async () => {
    const items = [SEEN, { metadata: { name: 'b' } }, null, { ...SEEN, status: { phase: 1 } }]
    const { client } = await clientWith((_call, response) => {
      response.writeHead(200, { date: 'Sun, 22 Nov 2026 00:31:09 GMT' })
      response.end(JSON.stringify({ metadata: { resourceVersion: '7' }, items }))
    })
    expect(await client.list({ selector: 'a' })).toMatchObject({
      pods: [SEEN],
      unreadable: ['b', '?', 'a'],
      resourceVersion: '7',
      dateMs: Date.parse('2026-11-22T00:31:09Z'),
    })
  })

  test.each(['f:status', 'k:{"note":"a]b"}'])('is read without who has set which field, such as %s', async (field) => {
    const labels = { note: 'x"managedFields":[1,2]y' }
    const metadata = { name: 'a', uid: 'u', managedFields: [{ fieldsV1: { [field]: {} } }], labels }
    const list = { metadata: { resourceVersion: '7' }, items: [{ metadata }] }
    const { client } = await clientWith((_call, response) => sendJson(response, list))
    const { pods } = await client.list({ selector: 'app=stream-monitor' })
    expect(pods.map((pod) => pod.metadata)).toEqual([{ name: 'a', uid: 'u', labels }])
  })

  test('is read right wherever its text is cut on the way', async () => {
    const labels = { note: 'žluťoučký 🐎' }
    const text = JSON.stringify({
      metadata: { resourceVersion: '7' },
      items: [{ metadata: { name: 'a', uid: 'u', labels } }],
    })
    const { client } = await clientWith((_call, response) => {
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

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

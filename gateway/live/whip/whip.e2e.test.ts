import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { FAKE_CAMERA, startBrowser } from '../../../shared/testing/browser.ts'
import { PATIENCE_MS, until } from '../../../shared/testing/until.ts'
import { startWholeSystem, type WholeSystem } from '../../testing/whole-system.ts'
import { findBarriers, watchPage } from '../pages/testing/inspect-page.ts'

const run = promisify(execFile)
const ACCOUNT = { login: 'caster', password: 'a long passphrase' }

let system: WholeSystem
let browser: Browser
let page: Page
let headers: Record<string, string>
beforeAll(async () => {
  ;[system, browser] = await Promise.all([
    startWholeSystem({ INGEST_WORKERS: '1', LIVE_LADDER: '180:300' }),
    startBrowser(FAKE_CAMERA),
  ])
  const context = await browser.newContext()
  context.setDefaultTimeout(PATIENCE_MS)
  page = await context.newPage()
  await page.goto(`${origin()}/register?next=studio/new`)
  await page.getByLabel('Username').fill(ACCOUNT.login)
  await page.getByLabel('E-mail address').fill('caster@example.org')
  await page.getByLabel('Password').fill(ACCOUNT.password)
  await page.getByRole('button', { name: 'Create account' }).click()
  await page.getByLabel('Title').waitFor()
  const { json } = await system.api('POST', '/api/v1/auth/login', ACCOUNT)
  headers = { authorization: `Bearer ${json.token}` }
}, 4 * PATIENCE_MS)
afterAll(async () => {
  await browser?.close()
  await system?.[Symbol.asyncDispose]()
})

const origin = () => system.gateway().origin

type Broadcast = { readonly id: string; readonly key: string; readonly whipUrl: string }

async function createBroadcast(): Promise<Broadcast> {
  const { json } = await system.api('POST', '/api/v1/streams', { title: 'From a browser' }, headers)
  return { id: json.stream_id, key: json.stream_key, whipUrl: json.ingest.whip_url }
}

const readStream = async (id: string) => (await system.api('GET', `/api/v1/streams/${id}`, undefined, headers)).json

const waitForState = (id: string, state: string) =>
  until(async () => (await readStream(id)).state === state, `the broadcast is ${state}`)

/** Returns what ffprobe reads of a broadcast: its codecs, and the times of some frames of its picture. */
async function probe({ id }: Broadcast) {
  const url = `${origin()}/live/${id}/master.m3u8`
  const read = (args: readonly string[]) => run('ffprobe', ['-v', 'error', ...args, '-of', 'csv=p=0', url])
  await until(async () => (await readStream(id)).health?.encoding !== null, 'it is encoded')
  const codecs = await read(['-show_entries', 'stream=codec_name'])
  const frames = await read(['-select_streams', 'v', '-read_intervals', '%+#20', '-show_entries', 'frame=pts_time'])
  return {
    codecs: codecs.stdout,
    times: frames.stdout.split('\n').flatMap((line) => (line === '' ? [] : [parseFloat(line)])),
  }
}

/** Publishes the fake camera from a page, with one codec of video; returns the answer's status, text and Location. */
function publish(target: Broadcast, codec: string, key = target.key) {
  return page.evaluate<{ status: number; text: string; location: string | null }>(`(async () => {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 320, height: 180 } })
    const connection = new RTCPeerConnection()
    for (const track of stream.getTracks()) {
      const transceiver = connection.addTransceiver(track, { direction: 'sendonly', streams: [stream] })
      const { codecs } = RTCRtpSender.getCapabilities(track.kind)
      const wanted = codecs.filter(({ mimeType }) => mimeType.toLowerCase() === 'video/${codec}')
      if (track.kind === 'video') transceiver.setCodecPreferences(wanted)
    }
    await connection.setLocalDescription()
    const answer = await fetch('${target.whipUrl}', {
      method: 'POST',
      headers: { 'content-type': 'application/sdp', authorization: 'Bearer ${key}' },
      body: connection.localDescription.sdp,
    })
    const text = await answer.text()
    if (answer.ok) await connection.setRemoteDescription({ type: 'answer', sdp: text })
    else stream.getTracks().forEach((track) => track.stop())
    return { status: answer.status, text, location: answer.headers.get('location') }
  })()`)
}

function post({ whipUrl }: Broadcast, key: string, body: string, contentType = 'application/sdp') {
  const authorization = { authorization: `Bearer ${key}` }
  return fetch(whipUrl, { method: 'POST', headers: { ...authorization, 'content-type': contentType }, body })
}

const codeOf = async (response: Response) => [response.status, JSON.parse(await response.text()).error.code]

/** Changes the title in the studio, which is on the air from that page and stays so. */
async function changeDetails({ id }: Broadcast): Promise<void> {
  await page.getByLabel('Title').fill('')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Enter a title of 1 to 255 characters.').waitFor()
  await page.getByLabel('Title').fill('Renamed on the air')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Saved. Viewers see it at once.').waitFor()
  expect((await readStream(id)).title).toBe('Renamed on the air')
  await page.getByText('You are on the air from this browser.').waitFor()
  expect((await readStream(id)).state).toBe('live')
}

/** Returns a function that says whether a device of the preview that is shown now is still on. */
async function watchDevices(): Promise<() => Promise<boolean>> {
  const tracks = await page.evaluateHandle<readonly { readonly readyState: string }[]>(
    'document.querySelector("[data-go-live-preview]").srcObject.getTracks()',
  )
  return () => tracks.evaluate((all) => all.some(({ readyState }) => readyState === 'live'))
}

describe('a browser', () => {
  it('goes live in the studio with its camera, is watched and stops; a second publisher is refused meanwhile', async () => {
    const broadcast = await createBroadcast()
    const complaints = watchPage(page)
    await page.goto(`${origin()}/studio/${broadcast.id}`)
    await page.getByRole('button', { name: 'Open the preview' }).click()
    await page.getByText('Ready. Only you see this.').waitFor()
    expect(await findBarriers(page)).toEqual([])
    await page.getByRole('button', { name: 'Go live' }).click()
    await page.getByText('You are on the air from this browser.').waitFor()
    await waitForState(broadcast.id, 'live')
    const { codecs, times } = await probe(broadcast)
    expect(codecs).toMatch(/h264[\s\S]*aac/)
    expect(times.length).toBe(20)
    const { publisher } = (await readStream(broadcast.id)).health
    expect(publisher).toMatchObject({ encoder: 'WHIP, browser', video: { codec: 'h264' }, audio: { codec: 'aac' } })
    expect(await publish(broadcast, 'h264')).toMatchObject({
      status: 409,
      text: expect.stringContaining('another encoder is on the air'),
    })
    await changeDetails(broadcast)
    await page.getByRole('button', { name: 'Stop sending' }).click()
    await waitForState(broadcast.id, 'reconnecting')
    const isAnyOpen = await watchDevices()
    expect(await isAnyOpen()).toBe(true)
    await page.getByRole('button', { name: 'Close the preview' }).click()
    expect(await isAnyOpen()).toBe(false)
    await page.getByRole('button', { name: 'Open the preview' }).click()
    await page.getByRole('button', { name: 'Go live' }).click()
    await waitForState(broadcast.id, 'live')
    const isStillOpen = await watchDevices()
    await system.api('PUT', `/api/v1/streams/${broadcast.id}/end`, undefined, headers)
    await page.getByText('This broadcast has ended.').waitFor()
    expect(await isStillOpen()).toBe(false)
    expect(complaints.lines).toEqual([])
  })

  it('opens the devices that were chosen last, and offers the screen only where it can be captured', async () => {
    const broadcast = await createBroadcast()
    await using context = await browser.newContext()
    await context.addCookies(await page.context().cookies())
    const phone = await context.newPage()
    phone.setDefaultTimeout(PATIENCE_MS)
    await phone.addInitScript(`
      delete MediaDevices.prototype.getDisplayMedia
      window.captures = []
      const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
      navigator.mediaDevices.getUserMedia = async (wanted) => {
        const capture = await open(wanted)
        window.captures.push(capture)
        return capture
      }`)
    await phone.goto(`${origin()}/studio/${broadcast.id}`)
    const opener = phone.getByRole('button', { name: 'Open the preview' })
    await opener.waitFor()
    expect(await phone.locator('#go-live-source option').allTextContents()).toEqual(['Camera'])
    const opens = 'document.querySelector("[data-go-live-open]")'
    await phone.evaluate(`${opens}.click(), ${opens}.click()`)
    await phone.getByText('Ready. Only you see this.').waitFor()
    await expect.poll(() => phone.evaluate('window.captures.length')).toBe(2)
    const open = 'window.captures.filter((capture) => capture.getTracks().some((track) => track.readyState === "live"))'
    await expect.poll(() => phone.evaluate(`${open}.length`)).toBe(1)
    expect(await phone.evaluate(`${open}[0] === document.querySelector('[data-go-live-preview]').srcObject`)).toBe(true)
  })

  it('with VP8 publishes by the stream key, and its session is ended by DELETE', async () => {
    const broadcast = await createBroadcast()
    await page.goto(`${origin()}/studio/${broadcast.id}`)
    const { status, location } = await publish(broadcast, 'vp8')
    expect(status).toBe(201)
    await waitForState(broadcast.id, 'live')
    expect((await probe(broadcast)).times.length).toBe(20)
    const remove = () =>
      fetch(new URL(location ?? '', origin()), {
        method: 'DELETE',
        headers: { authorization: `Bearer ${broadcast.key}` },
      })
    expect((await remove()).status).toBe(200)
    await waitForState(broadcast.id, 'reconnecting')
    expect(await codeOf(await remove())).toEqual([404, 'PUBLISHER_NOT_FOUND'])
  })

  it('is refused with the reason: a wrong key, no key, no SDP, a broken offer, an unknown codec, an ended broadcast', async () => {
    const [broadcast, other] = [await createBroadcast(), await createBroadcast()]
    const { key } = broadcast
    expect(await codeOf(await post(broadcast, other.key, 'v=0'))).toEqual([403, 'PUBLISH_REFUSED'])
    expect(await codeOf(await fetch(broadcast.whipUrl, { method: 'POST', body: 'v=0' }))).toEqual([401, 'UNAUTHORIZED'])
    expect(await codeOf(await post(broadcast, key, '{}', 'application/json'))).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE'])
    expect(await codeOf(await post(broadcast, key, 'v=0\r\nbroken'))).toEqual([400, 'INVALID_OFFER'])
    expect(await codeOf(await post(broadcast, key, 'v'.repeat(70_000)))).toEqual([413, 'BODY_TOO_LARGE'])
    expect(await codeOf(await fetch(broadcast.whipUrl, { method: 'PUT' }))).toEqual([405, 'METHOD_NOT_ALLOWED'])
    expect(await publish(broadcast, 'av1')).toMatchObject({ status: 406, text: expect.stringContaining('not av1') })
    await system.api('PUT', `/api/v1/streams/${broadcast.id}/end`, undefined, headers)
    expect(await publish(broadcast, 'h264')).toMatchObject({ status: 409, text: expect.stringContaining('has ended') })
    expect((await readStream(other.id)).state).toBe('ready')
  })
})

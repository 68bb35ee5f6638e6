import { expect, test } from 'vitest'

import { startBrowser } from '../../../../shared/testing/browser.ts'
import { startTestGateway } from '../../../testing/test-gateway.ts'
import { signUp } from '../../testing/live-gateway.ts'
import { signEvent, startStripeStandIn } from '../../tips/testing/stripe-stand-in.ts'
import { findBarriers, isTooWide, watchPage } from '../testing/inspect-page.ts'

/** What the script of Stripe does, as far as a page sees it: a field, and a payment that its API takes or declines. */
const STRIPE_SCRIPT = `window.Stripe = (key) => ({
  elements: ({ clientSecret }) => ({
    clientSecret,
    create: () => ({
      on: (name, listener) => name === 'ready' && setTimeout(listener),
      mount: (place) => { place.textContent = 'Card of ' + key },
    }),
  }),
  async confirmPayment({ elements, confirmParams }) {
    const answer = await fetch('https://api.stripe.com/pay', { method: 'POST', body: elements.clientSecret })
    if (!answer.ok) return { error: { message: 'Your card was declined.' } }
    location.href = confirmParams.return_url + '?redirect_status=succeeded'
    return new Promise(() => {})
  },
})`

test('a tip is paid in the form of Stripe, also after a card was declined', async () => {
  await using stripe = await startStripeStandIn()
  const env = {
    ...stripe.env,
    STRIPE_PUBLISHABLE_KEY: 'pk_test_standin',
  }
  await using gateway = await startTestGateway({ env })
  await using browser = await startBrowser()
  const owner = await signUp(gateway.api, 'owner-of-all')
  const anna = await signUp(gateway.api, 'anna')
  const { json: stream } = await gateway.api('POST', '/api/v1/streams', { title: 'A show' }, owner.headers)

  await using context = await browser.newContext({ locale: 'en-GB', viewport: { width: 360, height: 740 } })
  const token = anna.headers['authorization']?.replace('Bearer ', '') ?? ''
  await context.addCookies([{ name: 'tallylight_session', value: token, url: gateway.url }])
  const page = await context.newPage()
  const { lines } = watchPage(page)
  await page.route('https://js.stripe.com/**', (route) =>
    route.fulfill({ contentType: 'text/javascript', body: STRIPE_SCRIPT }),
  )
  let attempts = 0
  await page.route('https://api.stripe.com/pay', async (route) => {
    const [intent = ''] = (route.request().postData() ?? '').split('_secret')
    const isDeclined = attempts++ === 0
    if (isDeclined) stripe.failToPay(intent)
    else stripe.pay(intent)
    const body = JSON.stringify(stripe.events.at(-1))
    await gateway.api('POST', '/api/v1/stripe/webhook', body, { 'x-api-key': '', 'stripe-signature': signEvent(body) })
    await route.fulfill({ status: isDeclined ? 402 : 200, headers: { 'access-control-allow-origin': '*' }, body: '' })
  })

  await page.goto(`${gateway.url}/watch/${stream.stream_id}`)
  await page.getByRole('link', { name: 'Tip', exact: true }).click()
  await page.getByLabel('Amount').fill('12.50')
  await page.getByLabel('Message for the chat (optional)').fill('For the show')
  expect([await findBarriers(page), await isTooWide(page)]).toEqual([[], false])
  await page.getByRole('button', { name: 'Go on to the payment' }).click()
  await page.getByText('Card of pk_test_standin').waitFor()
  expect([await findBarriers(page), await isTooWide(page)]).toEqual([[], false])
  await page.getByRole('button', { name: 'Pay €12.50' }).click()
  await page.getByText('Your card was declined.').waitFor()
  await page.getByRole('button', { name: 'Pay €12.50' }).click()
  await page.getByRole('heading', { name: 'Thank you!' }).waitFor()
  expect(await findBarriers(page)).toEqual([])
  await page.getByRole('link', { name: 'Tips', exact: true }).click()
  await page.getByText('For the show').waitFor()
  expect([await findBarriers(page), await isTooWide(page)]).toEqual([[], false])
  // The browser itself writes a line about the answer 402.
  expect(lines.filter((line) => !line.includes('402'))).toEqual([])
})

import { loadStripe } from '@stripe/stripe-js'

import { find, findButton } from './elements.ts'

/** Takes the payment of a tip: Stripe's form in frames of its own, so that no card data is in this page. */

const form = find(document, '[data-payment]')
const pay = findButton(form, 'button')
const problem = find(form, '[data-payment-problem]')

void showStripe().catch(() => showProblem(problem.dataset['loadFailed'] ?? ''))

async function showStripe(): Promise<void> {
  const stripe = await loadStripe(form.dataset['key'] ?? '')
  if (stripe === null) throw new Error('Stripe is not there')
  const isDark = matchMedia('(prefers-color-scheme: dark)').matches
  const elements = stripe.elements({
    clientSecret: form.dataset['secret'] ?? '',
    locale: document.documentElement.lang === 'ja' ? 'ja' : 'en',
    appearance: { theme: isDark ? 'night' : 'stripe' },
  })
  const fields = elements.create('payment')
  fields.on('ready', () => {
    pay.disabled = false
  })
  fields.on('loaderror', () => showProblem(problem.dataset['loadFailed'] ?? ''))
  fields.mount(find(form, '[data-payment-fields]'))
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void confirm()
  })

  async function confirm(): Promise<void> {
    pay.disabled = true
    pay.setAttribute('aria-busy', 'true')
    problem.hidden = true
    const { origin, pathname } = location
    if (stripe === null) return
    // Stripe leads to the return address where it takes the payment.
    const { error } = await stripe.confirmPayment({ elements, confirmParams: { return_url: origin + pathname } })
    showProblem(error.message ?? problem.dataset['loadFailed'] ?? '')
    pay.disabled = false
    pay.removeAttribute('aria-busy')
  }
}

function showProblem(text: string): void {
  problem.textContent = text
  problem.hidden = false
}

import { describe, expect, test } from 'vitest'

import { createPageAssetLoader } from '../../adapters/esbuild/page-assets.ts'
import { readGuideFile } from '../../adapters/files/guide-files.ts'
import { assetRoutes, WEB_SOURCES } from '../assets.ts'
import { GUIDES } from './list.ts'
import { createGuideLoader } from './load-guide.ts'
import { guideRoutes } from './routes.ts'

const loadAssets = createPageAssetLoader(WEB_SOURCES)
const app = guideRoutes(createGuideLoader(readGuideFile), loadAssets).route('/', assetRoutes(loadAssets))

async function get(path: string, from = app) {
  const answer = await from.request(path)
  return { status: answer.status, headers: answer.headers, text: await answer.text() }
}

describe('/docs/guides', () => {
  test('lists every guide, and each of them has a page', async () => {
    const index = await get('/docs/guides')
    expect(index.status).toBe(200)
    for (const { name, title } of GUIDES) {
      expect(index.text).toContain(`<a href="guides/${name}">${title}</a>`)
      const page = await get(`/docs/guides/${name}`)
      expect([name, page.status]).toEqual([name, 200])
      expect(page.text).toContain(`<a href="${name}" aria-current="page">${title}</a>`)
    }
  })

  test('answers under a policy that allows its own stylesheet and nothing else', async () => {
    for (const path of ['/docs/guides', '/docs/guides/jobs', '/docs/guides/none']) {
      const { headers, text } = await get(path)
      expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'self';/)
      expect(text).not.toMatch(/<script|<style| style=| on[a-z]+=/)
    }
  })

  test('has sections that lead to their headings', async () => {
    const { text } = await get('/docs/guides/webhooks')
    expect(text).toContain('<a href="#verify-a-webhook">Verify a webhook</a>')
    expect(text).toContain('<h2 id="verify-a-webhook">')
  })

  test('answers 404 with a page for a guide that does not exist, or whose file is missing', async () => {
    for (const name of ['none', '..%2F..%2Fpackage.json', '__proto__']) {
      const page = await get(`/docs/guides/${name}`)
      expect([name, page.status]).toEqual([name, 404])
      expect(page.text).toContain('There is no such guide.')
    }
    expect(
      (
        await get(
          '/docs/guides/cluster',
          guideRoutes(async () => null, loadAssets),
        )
      ).status,
    ).toBe(404)
  })

  test('says where the guides are on a runtime without files', async () => {
    for (const path of ['/docs/guides', '/docs/guides/jobs']) {
      const page = await get(path, guideRoutes(null, null))
      expect(page.status).toBe(404)
      expect(page.text).toContain('gateway/docs')
    }
  })

  test('has a stylesheet, which clients may keep for good: its name changes with its content', async () => {
    const { text } = await get('/docs/guides/jobs')
    const [, name = ''] = /<link rel="stylesheet" href="\.\.\/\.\.(\/assets\/pages-[A-Z0-9]{8}\.css)"/.exec(text) ?? []
    const { status, headers } = await get(name)
    expect([status, headers.get('content-type')]).toEqual([200, 'text/css; charset=utf-8'])
    expect(headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect((await get('/assets/pages-AAAAAAAA.css')).status).toBe(404)
  })
})

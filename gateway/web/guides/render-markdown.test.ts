import { describe, expect, test } from 'vitest'

import { renderMarkdown } from './render-markdown.ts'

const render = (markdown: string) => renderMarkdown(markdown, 'gateway/docs/jobs.md')

describe('a rendered guide', () => {
  test('has anchors for its headings as GitHub has them, numbered where they repeat', () => {
    const { body, sections } = render('# Jobs\n\n## What to do when …\n\n### `x` & y\n\n## Runs\n\n## Runs\n')
    expect(sections).toEqual([
      { anchor: 'what-to-do-when-', title: 'What to do when …' },
      { anchor: 'runs', title: 'Runs' },
      { anchor: 'runs-1', title: 'Runs' },
    ])
    expect(body).toContain('<h1>Jobs</h1>')
    expect(body).toContain('<h2 id="runs-1"><a class="anchor" href="#runs-1">Runs</a></h2>')
    expect(body).toContain('<h3 id="x--y">')
  })

  test.each([
    ['[a](monitors.md)', '<a href="monitors">a</a>'],
    ['[a](monitors.md#status)', '<a href="monitors#status">a</a>'],
    ['[a](#chunks)', '<a href="#chunks">a</a>'],
    ['[a](../../k8s/README.md)', '<a href="cluster">a</a>'],
    ['[a](../../README.md)', '<a href="../guides">a</a>'],
    ['[a](https://example.com/?x=1&y="2")', '<a href="https://example.com/?x=1&amp;y=&quot;2&quot;">a</a>'],
  ])('turns the link %s into %s', (markdown, link) => {
    expect(render(markdown).body).toBe(`<p>${link}</p>\n`)
  })

  test('shows a link to a file that has no page as text', () => {
    expect(render('see [`presets`](../jobs/presets.yaml)').body).toBe('<p>see <code>presets</code></p>\n')
  })

  test('links from the guide of another folder', () => {
    const { body } = renderMarkdown('[a](../gateway/docs/errors.md#log-messages)', 'k8s/README.md')
    expect(body).toBe('<p><a href="errors#log-messages">a</a></p>\n')
  })

  test('puts a table into a box of its own, with room for long texts', () => {
    const long = 'a text that is longer than the others'
    const { body } = render(`| a | b |\n| - | - |\n| \`x\` | ${long} |\n`)
    expect(body).toMatch(/^<div class="table" role="region" aria-label="Table" tabindex="0"><table><thead>/)
    expect(body).toContain(`<td><code>x</code></td><td class="long">${long}</td>`)
  })

  test('holds no HTML of the Markdown, no image, and a diagram as its source', () => {
    const { body } = render(
      '<script>x</script>\n\na <b onclick="x">b</b>\n\n![alt](x.png)\n\n```mermaid\na --> b\n```\n',
    )
    expect(body).not.toMatch(/<script|<b|onclick|<img/)
    expect(body).toContain('<p>alt</p>')
    expect(body).toContain('<pre><code class="language-mermaid">a --&gt; b')
  })
})

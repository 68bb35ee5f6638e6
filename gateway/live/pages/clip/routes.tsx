/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { Hono, type Context as HonoContext } from 'hono'
import * as v from 'valibot'

import { getArchive } from '../../archives/read-archives.ts'
import { getStream } from '../../broadcasts/get-stream.ts'
import { UpdateClipBody } from '../../clips/requests.ts'
import { deleteClip, getClip, updateClip } from '../../clips/read-clips.ts'
import { readForm } from '../form-body.ts'
import { showPage } from '../frame.tsx'
import { showPart } from '../fresh-area.tsx'
import { nextQuery, returnPathOf, toSearch } from '../return-path.ts'
import { beginVisit, open, openSignedIn, type PagesContext } from '../visit.ts'
import { sourcePathOf, type ClipSource } from './clip-form.tsx'
import { ABOUT_PART, ClipAbout, ClipFilm, ClipPage } from './clip-page.tsx'
import { cutFromForm, keptQuery, showClipForm } from './cut-from-form.tsx'

/** Returns the page of a clip, and the addresses of the forms by which clips are cut, renamed and deleted. */
export function clipPageRoutes(context: PagesContext): Hono {
  return new Hono()
    .get(
      '/clips/:id',
      open(context, async (visit) => {
        const { c } = visit
        const clip = await getClip(context, visit.signedIn, c.req.param('id') ?? '')
        const part = c.req.query('part')
        if (part !== undefined) {
          const Part = part === ABOUT_PART ? ClipAbout : ClipFilm
          return showPart(c, <Part visit={visit} clip={clip} />)
        }
        const main = <ClipPage visit={visit} clip={clip} />
        return showPage(visit, { title: clip.title, root: '..', main, hasMedia: true })
      }),
    )
    .post('/clips/:id', (c) => changeFromForm(context, c))
    .get('/watch/:id/clip', showFormOf(context, 'stream'))
    .get('/archives/:id/clip', showFormOf(context, 'archive'))
    .post('/watch/:id/clip', (c) => cut(context, c, { kind: 'stream', id: c.req.param('id') }))
    .post('/archives/:id/clip', (c) => cut(context, c, { kind: 'archive', id: c.req.param('id') }))
}

/** Returns the page with the form alone, as one comes back to it from signing in, or from its other language. */
function showFormOf(context: PagesContext, kind: ClipSource['kind']) {
  return openSignedIn(context, async (visit) => {
    const { c, signedIn } = visit
    const id = c.req.param('id') ?? ''
    await (kind === 'stream' ? getStream(context, signedIn, id) : getArchive(context, signedIn, id))
    const values = keptQuery({ kind, id }, c.req.query())
    return showClipForm(visit, { kind, id }, { values, problems: {}, status: 200 })
  })
}

async function cut(context: PagesContext, c: HonoContext, source: ClipSource): Promise<Response> {
  const values = await readForm(context, c)
  const visit = await beginVisit(context, c)
  const { signedIn } = visit
  if (signedIn === null) {
    const form = `${sourcePathOf(source)}/clip`
    const next = returnPathOf(`${form}${toSearch(keptQuery(source, values))}`)
    return c.redirect(`../../sign-in${toSearch(nextQuery(next === '.' ? form : next))}`, 303)
  }
  return cutFromForm({ ...visit, signedIn }, source, values)
}

async function changeFromForm(context: PagesContext, c: HonoContext): Promise<Response> {
  const { form, title } = await readForm(context, c)
  return openSignedIn(context, async ({ signedIn }) => {
    const id = c.req.param('id') ?? ''
    if (form === 'delete') {
      const { user } = await getClip(context, signedIn, id)
      await deleteClip(context, signedIn, id)
      return c.redirect(`../@${user.username}`, 303)
    }
    const body = v.safeParse(UpdateClipBody, { title })
    if (form === 'title' && body.success) await updateClip(context, signedIn, id, body.output)
    return c.redirect(id, 303)
  })(c)
}

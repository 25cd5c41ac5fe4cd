# SPDX-License-Identifier: MIT
#
# For what is built from the repository that this layer is part of: SRC_URI names its files and directories
# by file://, relative to its top. A checkout, an unpacked release and somebody else's kas build are all the
# same then, nothing is fetched, and what is edited is built again.

# nooelint: oelint.vars.fileextrapaths,oelint.vars.outofcontext
FILESEXTRAPATHS:prepend := "${RLOOP_SRC}:"

python __anonymous() {
    source = os.path.join(d.getVar('RLOOP_SRC'), 'drivers/lib/module.kbuild')
    bb.parse.mark_dependency(d, source)
    if not os.path.exists(source):
        raise bb.parse.SkipRecipe('its sources are not in RLOOP_SRC = "%s". Set RLOOP_SRC to the repository '
            'that the layer comes from; see docs/using/yocto.md of rloop' % d.getVar('RLOOP_SRC'))
}

# What the packages' version grows by, so that feeds see an upgrade: when the files that a recipe is built from were last
# committed, and where. A release archive, which has no git, is the version itself, and comes after the states that lead to
# it, as package managers sort `~` before nothing. What changes elsewhere in the repository changes nothing here; no
# signature depends on it.
PKGV = "${PV}${@rloop_growth(d)}"
RLOOP_GROWTH ?= "~git"

# Where the repository can be had, for the SBOM: by default where git got it from
RLOOP_URL ?= "${@rloop_url(d)}"
SPDX_PACKAGE_URLS:prepend = "${@rloop_purl(d)} "

# cargo_common takes a recipe for a crate that crates.io has by its name.
SPDX_PACKAGE_URLS:remove = "pkg:cargo/${BPN}@${PV}"

def rloop_git(d, *arguments):
    """What git says in the repository, or None; it says nothing where that is no repository of its own."""
    source = os.path.realpath(d.getVar('RLOOP_SRC'))
    git = ['git', '--no-optional-locks', '-c', 'safe.directory=*', '-C', source]
    try:
        top = bb.process.run([*git, 'rev-parse', '--show-toplevel'])[0].strip()
        return bb.process.run([*git, *arguments])[0].strip() if top == source else None
    except (bb.process.CmdError, OSError):
        return None

def rloop_paths(d):
    """The files and directories of the repository that the recipe is built from, and what the layer has for it."""
    source = os.path.realpath(d.getVar('RLOOP_SRC'))
    recipe = os.path.realpath(d.getVar('FILE_DIRNAME'))
    layer = [recipe, os.path.normpath(os.path.join(recipe, '../../classes-recipe'))]
    uris = [uri.split(';')[0] for uri in d.getVar('SRC_URI').split()]
    paths = [uri[len('file://'):] for uri in uris if uri.startswith('file://')]
    # A layer that was copied out is not in the repository.
    paths += [os.path.relpath(path, source) for path in layer if path.startswith(source + '/')]
    return [path for path in paths if os.path.exists(os.path.join(source, path))]

def rloop_commit(d, form):
    """The last commit that changed what the recipe is built from, in git's format, or None."""
    return rloop_git(d, 'log', '-1', '--format=' + form, '--abbrev=10', '--', *rloop_paths(d))

def rloop_growth(d):
    """As in "~git1795684000.0123456789": seconds since 1970, and the commit; "+edited" where a file differs from that."""
    when = rloop_commit(d, '%ct.%h')
    if not when:
        return ''
    edited = rloop_git(d, 'status', '--porcelain', '--', *rloop_paths(d))
    return d.getVar('RLOOP_GROWTH') + when + ('+edited' if edited else '')

def rloop_url(d):
    """Where git got the repository from, if others may from there as well, without who did and by what secret."""
    import urllib.parse
    url = urllib.parse.urlsplit(rloop_git(d, 'config', '--get', 'remote.origin.url') or '')
    if url.scheme not in ('git', 'https', 'ssh'):
        return ''
    return url._replace(netloc=url.netloc.rpartition('@')[2], query='', fragment='').geturl()

def rloop_purl(d):
    """The purl of the sources, with the commit that they are from, or nothing where that is not known."""
    import urllib.parse
    url, commit = d.getVar('RLOOP_URL'), rloop_commit(d, '%H')
    if not url or not commit:
        return ''
    place = urllib.parse.quote('git+%s@%s' % (url, commit), safe='')
    return 'pkg:generic/%s@%s?vcs_url=%s' % (d.getVar('BPN'), d.getVar('PV'), place)

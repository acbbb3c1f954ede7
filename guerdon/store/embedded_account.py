"""Run PostgreSQL as somebody who is not root, since it refuses to run as root."""

import os
import pwd
import struct
from dataclasses import dataclass
from pathlib import Path

from guerdon.domain.errors import Unavailable

_ACL = "system.posix_acl_access"
_ACL_VERSION = 2
_ENTRY = struct.Struct("<HHI")
_USER_OBJ, _USER, _GROUP_OBJ, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
_NO_ID = 0xFFFFFFFF
_SEARCH = 1


class EmbeddedUnavailable(Unavailable):
    """No private PostgreSQL can be started or reached here."""

    code = "embedded_unavailable"

    def __init__(self, reason: str, *, remedy: str) -> None:
        super().__init__(f"The embedded PostgreSQL is unavailable: {reason}. {remedy}")
        self.reason = reason
        self.remedy = remedy


@dataclass(frozen=True, kw_only=True)
class Account:
    """The user that owns the cluster and runs the server."""

    name: str
    uid: int
    gid: int

    @property
    def is_other(self) -> bool:
        """Whether programs must be started as somebody else than we are."""
        return self.uid != os.geteuid()


def choose_account(cluster: Path) -> Account:
    """Pick who runs the server: ourselves, or for root a user without rights.

    For root an existing cluster decides, since only its owner may start it. Otherwise the first
    that exists of guerdon, postgres and nobody: an account of its own is best, and none is created
    here.
    """
    if os.geteuid() != 0:
        return Account(name=str(os.geteuid()), uid=os.geteuid(), gid=os.getegid())
    if cluster.exists() and cluster.stat().st_uid != 0:
        owner = cluster.stat()
        return Account(name=_user_name(owner.st_uid), uid=owner.st_uid, gid=owner.st_gid)
    for name in ("guerdon", "postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise EmbeddedUnavailable(
        "PostgreSQL does not run as root, and there is no user to run it as",
        remedy="Create a user called guerdon, or start guerdon as an ordinary user.",
    )


def open_way(folder: Path, account: Account) -> None:
    """Let the account walk down to a folder whose parents are closed to it.

    Root's own home is closed on most machines. The one user gets search permission on the closed
    parents (an access control list entry): it can list nothing there, and nobody else gains
    anything.
    """
    if not account.is_other:
        return
    for parent in reversed([folder, *folder.parents]):
        if parent.is_dir() and not _may_search(parent, account):
            _grant_search(parent, account)


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _may_search(folder: Path, account: Account) -> bool:
    status = folder.stat()
    if status.st_uid == account.uid:
        return bool(status.st_mode & 0o100)
    entries = _read_acl(folder)
    mask = next((permission for tag, permission, _ in entries if tag == _MASK), 7)
    for tag, permission, holder in entries:
        if tag == _USER and holder == account.uid:
            return bool(permission & mask & _SEARCH)
    if status.st_gid == account.gid:
        return bool(status.st_mode & 0o010)
    return bool(status.st_mode & _SEARCH)


def _read_acl(folder: Path) -> list[tuple[int, int, int]]:
    mode = folder.stat().st_mode
    try:
        raw = os.getxattr(folder, _ACL)
    except OSError:
        return [
            (_USER_OBJ, mode >> 6 & 7, _NO_ID),
            (_GROUP_OBJ, mode >> 3 & 7, _NO_ID),
            (_OTHER, mode & 7, _NO_ID),
        ]
    return [(tag, permission, holder) for tag, permission, holder in _ENTRY.iter_unpack(raw[4:])]


def _grant_search(folder: Path, account: Account) -> None:
    kept = [
        entry
        for entry in _read_acl(folder)
        if entry[0] != _MASK and not (entry[0] == _USER and entry[2] == account.uid)
    ]
    kept.append((_USER, _SEARCH, account.uid))
    mask = 0
    for tag, permission, _ in kept:
        if tag not in (_USER_OBJ, _OTHER):
            mask |= permission
    entries = sorted([*kept, (_MASK, mask, _NO_ID)], key=lambda entry: (entry[0], entry[2]))
    raw = struct.pack("<I", _ACL_VERSION) + b"".join(_ENTRY.pack(*entry) for entry in entries)
    try:
        os.setxattr(folder, _ACL, raw)
    except OSError as error:
        raise EmbeddedUnavailable(
            f"{folder} is closed to the user {account.name}, who would run the server",
            remedy=f"Choose a data folder elsewhere (GUERDON_DATA_DIR), or: chmod o+x {folder}",
        ) from error

#!/usr/bin/env python3
"""Receives recorded migrations of guests with MTE tags, as docs/migration-protocol.md specifies them.

Arguments are files with the sender's direction. For each, a line: the digests of memory, tags and registers, or why the stream
is rejected. The exit status is 0 if all are accepted. Nothing but the document is shared with the receiver in Rust.
"""
import struct
import sys
from hashlib import blake2b

PAGE, TAGS, PAGES_PER_FRAME, MAX_BITS = 4096, 256, 256, 1028
MAX_PAYLOAD, MAX_STATE, MAX_PAGE = 0x110000, 1 << 20, 1 << 40
HELLO, ROUND, PAGES, STOP, VM, VCPU, STATE_DIGEST, COMMIT, ABORT = 1, 4, 5, 7, 8, 9, 10, 12, 14
LENGTHS = {ROUND: 16, STOP: 16, STATE_DIGEST: 96, COMMIT: 0}


class Rejected(Exception):
    pass


def check(condition, text):
    if not condition:
        raise Rejected(text)


def digest(data, size=32):
    return blake2b(data, digest_size=size).digest()


class Bits:
    """A stream of bits, the first in bit 0 of the first byte."""

    def __init__(self, data):
        self.value, self.length, self.at = int.from_bytes(data, "little"), 8 * len(data), 0

    def read(self, count):
        check(self.at + count <= self.length, "tags: the bits end")
        value = self.value >> self.at & (1 << count) - 1
        self.at += count
        return value

    def rice(self, k, most):
        quotient = 0
        while self.read(1):
            quotient += 1
            check(quotient <= most >> k, "tags: a code is too large")
        value = quotient << k | self.read(k)
        check(value <= most, "tags: a code is too large")
        return value


def page_tags(bits):
    if not bits.read(1):
        return bytes(TAGS)
    mode = bits.read(3)
    if mode == 6:
        tag = bits.read(4)
        check(tag, "tags: uniform, but 0")
        return bytes([tag] * TAGS)
    if mode == 7:
        return bytes(bits.read(4) for _ in range(TAGS))
    tags, before = bytearray(), None
    count = bits.rice(3, TAGS - 2) + 2
    for later in reversed(range(count)):
        tag = bits.read(4)
        check(tag != before, "tags: neighbouring runs with one tag")
        before = tag
        length = bits.rice(mode, TAGS - 1) + 1 if later else TAGS - len(tags)
        tags += bytes([tag]) * length
        check(len(tags) + later <= TAGS, "tags: runs exceed the page")
    return bytes(tags)


def all_tags(data, count):
    if not data:
        return [bytes(TAGS)] * count
    bits, pages = Bits(data), []
    for _ in range(count):
        start = bits.at
        pages.append(page_tags(bits))
        check(bits.at - start <= MAX_BITS, "tags: a page is longer than packed tags")
    check(bits.length - bits.at < 8 and bits.value >> bits.at == 0, "tags: something after the last page")
    return pages


class Receiver:
    def __init__(self, stream):
        self.stream, self.at = stream, 0
        self.data, self.tags, self.states = {}, {}, []
        magic, oldest, newest, reserved = struct.unpack("<8sHHI", self.take(16))
        check(magic == b"\x89MTEsnd\n", "preamble: not a migration's")
        check(oldest <= 1 <= newest and reserved == 0, "preamble: no version in common")
        self.chain = digest(stream[:16], 16)

    def take(self, count):
        check(self.at + count <= len(self.stream), "the stream ends")
        self.at += count
        return self.stream[self.at - count:self.at]

    def frame(self, *expected):
        header = self.take(8)
        length, kind, reserved = struct.unpack("<IHH", header)
        check(length <= MAX_PAYLOAD and reserved == 0, "frame: header")
        payload = self.take(length)
        self.chain = digest(self.chain + header + payload, 16)
        check(self.take(16) == self.chain, "frame: check")
        check(kind != ABORT, "the sender aborts")
        check(kind in expected, f"frame: type {kind}, expected one of {expected}")
        check(length == LENGTHS.get(kind, length), "frame: length")
        return kind, payload

    def hello(self):
        _, payload = self.frame(HELLO)
        check(len(payload) >= 48, "HELLO: length")
        page_size, mode, self.vcpus, required, _, slots, identity = struct.unpack_from("<16xIHHQQII", payload)
        check(page_size in (0x1000, 0x4000, 0x10000) and 1 <= self.vcpus <= 4096, "HELLO: page size or vCPUs")
        check(mode == 0 and required == 0, "HELLO: a mode or a feature that is not known here")
        check(1 <= slots <= 1024 and identity <= 1 << 16, "HELLO: slots or identity")
        check(len(payload) == 48 + 16 * slots + identity, "HELLO: length")
        self.unit, self.slots, end = page_size // PAGE, [], 0
        for first, pages in struct.iter_unpack("<QQ", payload[48:48 + 16 * slots]):
            check(first >= end and pages > 0 and first % self.unit == pages % self.unit == 0, "HELLO: slots")
            check(first + pages <= MAX_PAGE, "HELLO: slots")
            end = first + pages
            self.slots.append((first, end))

    def pages(self, next_page, left):
        """Stores the pages of a frame, and returns what comes after them, and how many are left."""
        payload = self.frame(PAGES)[1]
        check(len(payload) >= 16, "PAGES: length")
        first, count, tag_bytes = struct.unpack_from("<QII", payload)
        end = first + count
        check(1 <= count <= min(left, PAGES_PER_FRAME) and first >= next_page, "PAGES: not those still to come")
        check(any(a <= first and end <= b for a, b in self.slots), "PAGES: not in a slot")
        check(first % self.unit == count % self.unit == 0, "PAGES: not whole host pages")
        bitmap_end = 16 + (count + 7) // 8
        has_data = int.from_bytes(payload[16:bitmap_end], "little")
        data_at = bitmap_end + tag_bytes
        check(has_data >> count == 0, "PAGES: data of pages that are not there")
        check(len(payload) == data_at + PAGE * has_data.bit_count(), "PAGES: length")
        tags = all_tags(payload[bitmap_end:data_at], count)
        for index in range(count):
            page = first + index
            if has_data >> index & 1:
                self.data[page] = payload[data_at:data_at + PAGE]
                data_at += PAGE
            else:
                self.data.pop(page, None)
            self.tags[page] = tags[index]
        return end, left - count

    def receive(self):
        """Receives the guest, verifies it, and returns its digests and whether it is ours."""
        self.hello()
        number, kind = 1, ROUND
        while kind == ROUND:
            kind, payload = self.frame(ROUND, STOP)
            found, reserved, left = struct.unpack("<IIQ", payload)
            check(found == number and reserved == 0, "round: not the next one")
            number, next_page = number + 1, 0
            while left:
                next_page, left = self.pages(next_page, left)
        self.states.append(self.frame(VM)[1])
        for index in range(self.vcpus):
            payload = self.frame(VCPU)[1]
            check(payload[:8] == struct.pack("<II", index, 0), "VCPU: not the next one")
            self.states.append(payload[8:])
        check(all(len(state) <= MAX_STATE for state in self.states), "VM or VCPU: length")
        own = self.digests()
        check(self.frame(STATE_DIGEST)[1] == b"".join(own), "digests differ")
        is_ours = self.at < len(self.stream) and self.frame(COMMIT) is not None
        check(self.at == len(self.stream), "something after COMMIT")
        return own, is_ours

    def digests(self):
        memory, tags, registers = b"MTEmem1\0", b"MTEtag1\0", b"MTEreg1\0"
        for page in sorted(page for page, data in self.data.items() if any(data)):
            memory += struct.pack("<Q", page) + digest(self.data[page])
        for page in sorted(page for page, tags_of in self.tags.items() if any(tags_of)):
            of = self.tags[page]
            tags += struct.pack("<Q", page) + digest(bytes(a | b << 4 for a, b in zip(of[::2], of[1::2])))
        for state in self.states:
            registers += struct.pack("<Q", len(state)) + state
        return digest(memory), digest(tags), digest(registers)


def main():
    status = 0
    for name in sys.argv[1:]:
        try:
            own, is_ours = Receiver(open(name, "rb").read()).receive()
            print(*(of.hex() for of in own), "committed" if is_ours else "verified")
        except Rejected as reason:
            status = 1
            print("rejected:", reason)
    sys.exit(status)


main()

//! temporary
#![allow(unsafe_code, missing_docs)]
use host_vmm::event::*;
struct P;
impl Sink for P { fn event(&mut self, e: Event) { match e { Event::Begin(_) => {}, Event::End{name, verdict: Verdict::Passed, micros} => println!("ok {micros:7} {name}"), e => println!("{e:#?}") } } }
fn main() {
    let pid1 = std::process::id() == 1;
    if pid1 { unsafe {
        libc::mount(c"devtmpfs".as_ptr(), c"/dev".as_ptr(), c"devtmpfs".as_ptr(), 0, std::ptr::null());
        libc::mount(c"proc".as_ptr(), c"/proc".as_ptr(), c"proc".as_ptr(), 0, std::ptr::null());
    } }
    let names: Vec<String> = std::env::args().skip(1).filter(|a| a.contains('.')).collect();
    let names = host_vmm::suite::infos().into_iter().map(|i| i.name).filter(|n| names.is_empty() || names.iter().any(|p| n.starts_with(p.as_str()))).collect();
    host_vmm::suite::run_on_kvm(&host_vmm::suite::Options { names, seed: 0x5eed, firmware: None, patience: std::time::Duration::from_secs(5) }, &mut P);
    if pid1 { unsafe { libc::reboot(libc::RB_POWER_OFF); } }
}

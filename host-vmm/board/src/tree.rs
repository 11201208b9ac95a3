//! The device tree of the board, as QEMU's `virt` describes the same devices.

use vm_fdt::{FdtWriter, FdtWriterResult};

use crate::map;

/// Phandles.
const INTERRUPT_CONTROLLER: u32 = 1;
const CLOCK: u32 = 2;
/// Interrupt specifiers: a type, a number, flags (Documentation/devicetree/bindings/interrupt-controller/arm,gic-v3.yaml).
const SPI: u32 = 0;
const PPI: u32 = 1;
const LEVEL_HIGH: u32 = 4;
/// Private interrupts of the timers: secure and non-secure physical, virtual, hypervisor's (arm,arch_timer.yaml).
const TIMERS: [u32; 4] = [13, 14, 11, 10];

/// What of a board differs.
#[derive(Clone, Copy, Debug)]
pub struct Description<'a> {
    /// RAM in bytes.
    pub memory: u64,
    /// Whether there is an interrupt controller.
    pub interrupts: bool,
    /// Arguments for the image: `bootargs`.
    pub arguments: &'a str,
}

/// Writes the device tree of a board.
///
/// # Errors
///
/// When the writer is misused, which is a defect of this function.
pub fn write(board: &Description<'_>) -> FdtWriterResult<Vec<u8>> {
    let Description { memory, interrupts, arguments } = *board;
    let mut tree = FdtWriter::new()?;
    let root = tree.begin_node("")?;
    tree.property_string("compatible", "linux,dummy-virt")?;
    tree.property_string("model", "linux,dummy-virt")?;
    tree.property_u32("#address-cells", 2)?;
    tree.property_u32("#size-cells", 2)?;
    if interrupts {
        tree.property_u32("interrupt-parent", INTERRUPT_CONTROLLER)?;
    }

    let node = tree.begin_node("chosen")?;
    tree.property_string("stdout-path", "/pl011@9000000")?;
    if !arguments.is_empty() {
        tree.property_string("bootargs", arguments)?;
    }
    tree.end_node(node)?;

    let node = tree.begin_node("memory@40000000")?;
    tree.property_string("device_type", "memory")?;
    tree.property_array_u64("reg", &[map::RAM_BASE, memory])?;
    tree.end_node(node)?;

    cpus(&mut tree)?;
    if interrupts {
        interrupt_controller(&mut tree)?;
    }
    uart(&mut tree, interrupts)?;
    tree.end_node(root)?;
    tree.finish()
}

fn cpus(tree: &mut FdtWriter) -> FdtWriterResult<()> {
    let cpus = tree.begin_node("cpus")?;
    tree.property_u32("#address-cells", 1)?;
    tree.property_u32("#size-cells", 0)?;
    let cpu = tree.begin_node("cpu@0")?;
    tree.property_string("device_type", "cpu")?;
    tree.property_string("compatible", "arm,armv8")?;
    tree.property_u32("reg", 0)?;
    tree.end_node(cpu)?;
    tree.end_node(cpus)?;

    let node = tree.begin_node("psci")?;
    let compatible = ["arm,psci-1.0", "arm,psci-0.2", "arm,psci"].map(str::to_owned);
    tree.property_string_list("compatible", compatible.into())?;
    tree.property_string("method", "hvc")?;
    tree.end_node(node)
}

fn interrupt_controller(tree: &mut FdtWriter) -> FdtWriterResult<()> {
    let node = tree.begin_node("intc@8000000")?;
    tree.property_string("compatible", "arm,gic-v3")?;
    tree.property_null("interrupt-controller")?;
    tree.property_u32("#interrupt-cells", 3)?;
    tree.property_u32("#address-cells", 2)?;
    tree.property_u32("#size-cells", 2)?;
    tree.property_null("ranges")?;
    tree.property_u32("#redistributor-regions", 1)?;
    let (distributor, redistributors) = (map::GIC_DISTRIBUTOR, map::GIC_REDISTRIBUTORS);
    let reg = [distributor, map::GIC_DISTRIBUTOR_SIZE, redistributors, map::GIC_REDISTRIBUTORS_SIZE];
    tree.property_array_u64("reg", &reg)?;
    tree.property_phandle(INTERRUPT_CONTROLLER)?;
    tree.end_node(node)?;

    let node = tree.begin_node("timer")?;
    tree.property_string_list("compatible", vec!["arm,armv8-timer".to_owned(), "arm,armv7-timer".to_owned()])?;
    tree.property_null("always-on")?;
    tree.property_array_u32("interrupts", &TIMERS.map(|timer| [PPI, timer, LEVEL_HIGH]).concat())?;
    tree.end_node(node)
}

fn uart(tree: &mut FdtWriter, interrupts: bool) -> FdtWriterResult<()> {
    let node = tree.begin_node("apb-pclk")?;
    tree.property_string("compatible", "fixed-clock")?;
    tree.property_u32("#clock-cells", 0)?;
    tree.property_u32("clock-frequency", 24_000_000)?;
    tree.property_string("clock-output-names", "clk24mhz")?;
    tree.property_phandle(CLOCK)?;
    tree.end_node(node)?;

    let node = tree.begin_node("pl011@9000000")?;
    tree.property_string_list("compatible", vec!["arm,pl011".to_owned(), "arm,primecell".to_owned()])?;
    tree.property_array_u64("reg", &[map::UART, map::UART_SIZE])?;
    if interrupts {
        tree.property_array_u32("interrupts", &[SPI, map::UART_SPI, LEVEL_HIGH])?;
    }
    tree.property_array_u32("clocks", &[CLOCK, CLOCK])?;
    tree.property_string_list("clock-names", vec!["uartclk".to_owned(), "apb_pclk".to_owned()])?;
    tree.end_node(node)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(tree: &[u8], text: &[u8]) -> bool {
        tree.windows(text.len()).any(|window| window == text)
    }

    #[test]
    fn the_tree_has_what_the_board_has() {
        let tree = write(&Description { memory: 128 << 20, interrupts: true, arguments: "a b" }).unwrap();
        assert_eq!(tree[..4], 0xd00d_feed_u32.to_be_bytes());
        let memory = [map::RAM_BASE.to_be_bytes(), (128_u64 << 20).to_be_bytes()].concat();
        for part in [&memory[..], b"arm,gic-v3\0", b"arm,pl011\0", b"arm,armv8-timer\0", b"arm,psci-0.2\0", b"a b\0"] {
            assert!(has(&tree, part), "{}", String::from_utf8_lossy(part));
        }
        assert_eq!(tree.len(), u32::from_be_bytes(tree[4..8].try_into().unwrap()) as usize);
    }

    #[test]
    fn without_an_interrupt_controller_nothing_refers_to_one() {
        let tree = write(&Description { memory: 1 << 20, interrupts: false, arguments: "" }).unwrap();
        assert!(
            has(&tree, b"arm,pl011\0")
                && !has(&tree, b"arm,gic-v3\0")
                && !has(&tree, b"interrupt")
                && !has(&tree, b"bootargs")
        );
    }
}

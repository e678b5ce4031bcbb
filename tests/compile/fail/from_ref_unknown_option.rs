use apideck_hooks::FromRef;

#[derive(FromRef)]
struct App {
    #[from_ref(ignore)]
    region: u32,
}

fn main() {
    let _ = App { region: 1 };
}

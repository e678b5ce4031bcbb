// struct App { db: Db, #[from_ref(skip)] started: Instant }

#[allow(unused_qualifications)]
const _: () = {
    use ::apideck_hooks::__private as __apideck_hooks;
    #[automatically_derived]
    impl __apideck_hooks::FromRef<App> for Db {
        fn from_ref(state: &App) -> Self {
            <Db as ::core::clone::Clone>::clone(&state.db)
        }
    }
};
